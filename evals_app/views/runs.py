"""Pages of runs: the list, starting one, watching and reading one."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evals_app.choices import ACTIVE_RUN_STATES, RunState
from evals_app.forms.runs import RunForm
from evals_app.models import Run
from evals_app.selectors import run_by_id, run_choices
from evals_app.selectors.stories import RunReport, result_story, run_report, run_results_page
from evals_app.services import RunProblem, run_create, run_resume, run_stop
from evals_app.services.runs import run_preview
from evals_app.tasks import nudge_workers
from evals_app.views.run_list import run_list
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.services import Answer, answer_once, fingerprint
from llmops.ids import row_number

STOP_POLLING = 286
PARTS = ("run-progress", "run-results", "result-slot")
"""What may be asked for alone: partials of the template, called as the elements that they are."""
MORE_FIELDS = ("version", "connection", "model", "sample", "repeats", "concurrency", "budget_usd", "label")


@require_http_methods(["GET", "POST"])
@project_page(Action.START_RUN)
def run_new(request: ProjectRequest) -> HttpResponse:
    """Choose what to run; the quote follows the choice; the button starts it, once."""
    if request.method == "POST":
        form = RunForm(request.POST, project=request.project)
        run_id = _started(request, form) if form.is_valid() else None
        if run_id is not None:
            return redirect("evals:run-detail", project=request.project.slug, run_id=run_id)
    else:
        form = RunForm(initial=_initial(request), project=request.project)
    context: dict[str, Any] = {
        "nav": "runs",
        "form": form,
        "more_fields": [form[name] for name in MORE_FIELDS],
        "token": request.POST.get("token") or uuid.uuid4().hex,
        "missing": form.missing(),
    }
    if not form.is_bound:
        chosen = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
        context |= _quote(RunForm(chosen, project=request.project))
    return render(request, "evals_app/run_new.html", context, status=422 if form.errors else 200)


@require_GET
@project_page(Action.START_RUN)
def run_quote(request: ProjectRequest) -> HttpResponse:
    """Calls, cost and time for the form as it stands, or what is missing."""
    form = RunForm(request.GET, project=request.project)
    return render(request, "evals_app/run_new.html#run-quote", {"form": form, **_quote(form)})


@require_GET
@project_page(Action.VIEW)
def run_detail(request: ProjectRequest, run_id: int) -> HttpResponse:
    """How far, what it found, and every result; `result` opens one result's story at the side."""
    run = run_by_id(request.project, run_id=run_id)
    report = run_report(run)
    context = {
        "nav": "runs",
        "run": run,
        "report": report,
        "verdict_tone": "unsure" if run.state != RunState.FINISHED or report.counts.error else "accent",
        "may_start": request.actor.may(Action.START_RUN),
        "may_change": run.prompt_version is not None and request.actor.may(Action.EDIT_PROMPT),
        "models_url": _models_url(request, run) if report.causes else "",
        **_results(request, run, report),
    }
    template = "evals_app/run_detail.html"
    if request.htmx and request.htmx.target in PARTS:  # type: ignore[attr-defined]  # set by django-htmx
        template += f"#{request.htmx.target}"  # type: ignore[attr-defined]
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    if template.endswith("#run-progress") and run.state not in ACTIVE_RUN_STATES:
        response.status_code = STOP_POLLING
        response["HX-Refresh"] = "true"  # heading, buttons and figures change together
    return response


@require_POST
@project_page(Action.START_RUN)
def run_stop_view(request: ProjectRequest, run_id: int) -> HttpResponse:
    """Ask for no more calls."""
    run_stop(run_by_id(request.project, run_id=run_id))
    messages.success(request, "Stopping: calls in flight are still recorded.")
    return redirect("evals:run-detail", project=request.project.slug, run_id=run_id)


@require_POST
@project_page(Action.START_RUN)
def run_resume_view(request: ProjectRequest, run_id: int) -> HttpResponse:
    """Carry on with what is left."""
    form = RunForm.base_fields["budget_usd"]
    try:
        budget = form.clean(request.POST.get("budget_usd", ""))
        run_resume(run_by_id(request.project, run_id=run_id), budget_usd=budget)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
    except RunProblem as problem:
        messages.error(request, problem.message)
    else:
        nudge_workers()
        messages.success(request, "Going on with the cases that are left.")
    return redirect("evals:run-detail", project=request.project.slug, run_id=run_id)


def _started(request: ProjectRequest, form: RunForm) -> int | None:
    """Start the run that the form asks for, once for each token; a double click gets the same run."""

    def act() -> Answer:
        run = run_create(project=request.project, wanted=form.settings(), author=request.user)
        transaction.on_commit(nudge_workers)
        return Answer(201, {"id": run.pk})

    asked = fingerprint("run_new", {name: request.POST.getlist(name) for name in form.fields})
    key = f"page:{request.user.pk}:{request.POST.get('token', '')}"[:255]
    try:
        return int(answer_once(project=request.project, key=key, asked=asked, act=act).body["id"])
    except RunProblem as problem:
        form.add_error(problem.field if problem.field in form.fields else None, problem.message)
        return None


def _initial(request: ProjectRequest) -> dict[str, Any]:
    """What the address names; else what the latest run took, else the only one that there is."""
    named = {name: request.GET[name] for name in ("prompt", "version", "dataset") if name in request.GET}
    form = RunForm(project=request.project)
    only = {name: _only(form, name) for name in ("prompt", "dataset", "evaluators")}
    latest = run_choices(request.project, prompt=named.get("prompt", ""), dataset=named.get("dataset", ""))
    return {name: value for name, value in {**only, **latest, **named}.items() if value}


def _only(form: RunForm, name: str) -> Any:
    """The only choice in a field as its initial value; empty when there are more or none."""
    field = form.fields[name]
    choices = [row.name for row in field.queryset[:2]]  # type: ignore[attr-defined]
    if len(choices) != 1:
        return None
    return choices if isinstance(field, ModelMultipleChoiceField) else choices[0]


def _quote(form: RunForm) -> dict[str, Any]:
    """What a filled-in form would take, or what keeps it from running; nothing while something is not chosen."""
    if not form.is_valid():
        return {}
    wanted = form.settings()
    try:
        return {"quote": run_preview(wanted=wanted), "version": wanted.version}
    except RunProblem as problem:
        return {"problem": problem.message}


def _models_url(request: ProjectRequest, run: Run) -> str:
    """Where what is wrong with the run's connection is mended: its own page for those who may, else the list."""
    slug, connection = request.project.slug, run.connection
    if connection is not None and connection.archived_at is None and request.actor.may(Action.EDIT_CONNECTION):
        return reverse("core:connection-edit", args=[slug, connection.name])
    return reverse("core:connection-list", args=[slug])


def _results(request: ProjectRequest, run: Run, report: RunReport) -> dict[str, Any]:
    page = run_results_page(
        run,
        report,
        show=request.GET.get("show", ""),
        metric=request.GET.get("metric", ""),
        search=request.GET.get("q", ""),
        tag=request.GET.get("tag", ""),
        after=request.GET.get("after", ""),
    )
    here = reverse("evals:run-detail", kwargs={"project": request.project.slug, "run_id": run.pk})
    for chip in page.chips:
        chip["url"] = f"{here}?{_query(request, **chip.pop('query'))}"
    opened = row_number(request.GET.get("result", ""))
    kept = _query(request, result=None)
    row_url = f"{here}?{kept}&result=" if kept else f"{here}?result="
    before, after = page.neighbours(str(opened or ""))
    return {
        "page": page,
        "here": here,
        "list_url": f"{here}?{kept}" if kept else here,
        "next_url": f"{here}?{_query(request, after=page.next_after, result=None)}" if page.next_after else "",
        "kept": [(name, request.GET[name]) for name in ("show", "metric", "tag") if request.GET.get(name)],
        "row_url": row_url,
        "previous_result": f"{row_url}{before}" if before else "",
        "next_result": f"{row_url}{after}" if after else "",
        "opened": str(opened or ""),
        "story": result_story(run, result_id=opened) if opened else None,
    }


def _query(request: HttpRequest, **changes: Any) -> str:
    """The page's parameters with these changed; None takes one away. A changed filter starts at the first page."""
    query = {name: value for name, value in request.GET.items() if value and name not in changes}
    if "after" not in changes and "before" not in changes and "result" not in changes:
        query.pop("after", None)
        query.pop("result", None)
    return urlencode({**query, **{name: value for name, value in changes.items() if value not in (None, "")}})


urlpatterns = [
    path("runs/", run_list, name="run-list"),
    path("runs/new/", run_new, name="run-new"),
    path("runs/quote/", run_quote, name="run-quote"),
    path("runs/<int:run_id>/", run_detail, name="run-detail"),
    path("runs/<int:run_id>/stop/", run_stop_view, name="run-stop"),
    path("runs/<int:run_id>/resume/", run_resume_view, name="run-resume"),
]
