"""The list of runs, and what it can be narrowed down to."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from evals_app.selectors.headlines import MISSING, RunFits, run_counts, run_subjects, runs_page, runs_that_fit
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.models import Project
from llmops.core.views.addresses import Chip, number_in, query_of, text_in
from llmops.core.views.saved_views import views_shown

FILTERS = ("q", "state", "prompt", "dataset")
STATE_WORDS = {
    "": "All",
    "going": "Going on",
    "finished": "Finished",
    "ended": "Stopped or failed",
    MISSING: "Answers missing",
}


@require_GET
@project_page(Action.VIEW)
def run_list(request: ProjectRequest) -> HttpResponse:
    """Runs, newest first; `q` searches, `state`, `prompt` and `dataset` narrow down, `before` is a page."""
    fits = RunFits(*(text_in(request, name) for name in FILTERS))
    page = runs_page(request.project, fits, before=number_in(request, "before"))
    next_url = query_of(request, *FILTERS, before=page.next_before) if page.next_before else ""
    counts = run_counts(request.project)
    context = {
        "nav": "runs",
        "page": page,
        "next_url": next_url,
        "n_found": runs_that_fit(request.project, fits).count() if any(fits) else counts[""],
        "fits": fits,
        "narrowed": any(fits),
        "kept": [(name, request.GET[name]) for name in FILTERS[1:] if request.GET.get(name)],
        "chips": [
            Chip(words, _here(request, state=name), fits.state == name, counts[name])
            for name, words in STATE_WORDS.items()
            if counts[name] or not name or fits.state == name
        ],
        "prompts": _choices(request, "prompt", run_subjects(request.project, "prompt_version__prompt"), fits.prompt),
        "datasets": _choices(request, "dataset", run_subjects(request.project, "dataset"), fits.dataset),
        "may_start": request.actor.may(Action.START_RUN),
        "views": views_shown(request, "runs"),
    }
    return render(request, "evals_app/run_list.html", context)


def _choices(request: ProjectRequest, name: str, found: list[str], chosen: str) -> list[Chip]:
    named = [chosen, *found] if chosen and chosen not in found else found
    every = Chip("all", _here(request, **{name: ""}), not chosen)
    return [every, *(Chip(each, _here(request, **{name: each}), each == chosen) for each in named)]


def run_list_address(project: Project, subject: str) -> str | None:
    """Where the list of runs stands; it lists the parts of nothing."""
    return None if subject else reverse("evals:run-list", kwargs={"project": project.slug})


def _here(request: ProjectRequest, **changes: str) -> str:
    return reverse("evals:run-list", kwargs={"project": request.project.slug}) + query_of(request, *FILTERS, **changes)
