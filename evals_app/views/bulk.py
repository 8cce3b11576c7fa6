"""Things done to many cases at once from the list: those that were ticked, or all that fit its filter."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from evals_app.forms.datasets import split_tags
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.case_filters import chosen_cases, current_cases
from evals_app.selectors.datasets import dataset_by_name
from evals_app.services.case_bulk import cases_tag, cases_take_out
from evals_app.services.datasets import DatasetProblem, Stored
from evals_app.views.case_list import FILTER, LIST, filter_in
from evals_app.views.revisions import after_change
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.views.addresses import query_of
from llmops.ids import row_number

MOST_TICKED = 1_000
ASKED = {"tag": "Add the {tags} to", "untag": "Remove the {tags} from", "remove": "Take out"}


@project_page(Action.EDIT_DATASET)
@require_POST
def case_bulk(request: ProjectRequest, name: str) -> HttpResponse:
    """Do `do` (tag, untag, remove) to the cases `case`, or with `all` to all that the list's filter finds.

    For all of them it is asked first, with their number; `count` is the number that was agreed to.
    """
    dataset = dataset_by_name(request.project, name=name)
    do, tags, everything = request.POST.get("do", ""), split_tags(request.POST.get("tag", "")), "all" in request.POST
    chosen = current_cases(dataset, filter_in(request)) if everything else chosen_cases(dataset, _ticked(request))
    problem = _problem(do, tags)
    n_chosen = 0 if problem else chosen.count()
    if not n_chosen:
        messages.error(request, problem or "No case was ticked. Tick some in the list first.")
        return after_change(request, dataset, revision=None)
    if everything and request.POST.get("count") != str(n_chosen):
        return _ask(request, dataset, do, tags, n_chosen)
    try:
        stored = _done(request, dataset, do, tags, chosen)
    except DatasetProblem as wrong:
        messages.error(request, wrong.message)
        return after_change(request, dataset, revision=None)
    if not stored.n_changes:
        messages.info(request, "They are so already: nothing was changed.")
    return after_change(request, dataset, revision=stored.revision if stored.n_changes else None)


def _done(request: ProjectRequest, dataset: Dataset, do: str, tags: list[str], chosen: QuerySet[CaseVersion]) -> Stored:
    match do:
        case "tag":
            return cases_tag(dataset, chosen, add=tags, author=request.user)
        case "untag":
            return cases_tag(dataset, chosen, remove=tags, author=request.user)
        case _:
            return cases_take_out(dataset, chosen, author=request.user)


def _ask(request: ProjectRequest, dataset: Dataset, do: str, tags: list[str], n_chosen: int) -> HttpResponse:
    """Say how many cases it is before it is done to all of them."""
    context = {
        "nav": "datasets",
        "dataset": dataset,
        "do": do,
        "tag": ", ".join(tags),
        "asked": ASKED[do].format(tags=("tag " if len(tags) == 1 else "tags ") + ", ".join(f"“{tag}”" for tag in tags)),
        "n_chosen": n_chosen,
        "fits": filter_in(request),
        "query": query_of(request, *FILTER),
        "list_query": query_of(request, *LIST),
    }
    return render(request, "evals_app/dataset_bulk.html", context)


def _problem(do: str, tags: list[str]) -> str:
    """Why this cannot be done; empty when it can."""
    if do not in ASKED:
        return "Choose what to do with the ticked cases."
    return "Type the tag first." if do != "remove" and not tags else ""


def _ticked(request: ProjectRequest) -> list[int]:
    numbers = map(row_number, request.POST.getlist("case")[:MOST_TICKED])
    return [number for number in numbers if number is not None]
