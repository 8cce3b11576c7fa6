"""What the page of a dataset shows: its cases, and one of them at the side."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import reverse

from evals_app.forms.datasets import CaseForm
from evals_app.models import CaseVersion, Dataset, DatasetRevision
from evals_app.selectors.cases import (
    MOST_COUNTED,
    CasesPage,
    case_tags,
    case_title,
    cases_page,
    current_case,
    n_cases_with,
    removed_case,
)
from evals_app.selectors.datasets import newest_revision, revision_numbered
from evals_app.views.addresses import number_in, query_of, text_in
from llmops.core.access import Action, ProjectRequest

LIST = ("q", "tag", "after", "before")


def case_list(request: ProjectRequest, dataset: Dataset, *, panel_only: bool = False) -> dict[str, Any]:
    """The context of the dataset's page, or of its side panel alone."""
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    context = {
        "nav": "datasets",
        "dataset": dataset,
        "here": here,
        "list_query": query_of(request, *LIST),
        "list_url": here + query_of(request, *LIST),
        "may_edit": request.actor.may(Action.EDIT_DATASET) and dataset.archived_at is None,
        "may_restore": request.actor.may(Action.EDIT_DATASET),
        "may_run": request.actor.may(Action.START_RUN) and dataset.archived_at is None,
        **opened_case(request, dataset),
    }
    return context if panel_only else context | _cases(request, dataset, here) | _news(request, dataset)


def opened_case(request: ProjectRequest, dataset: Dataset) -> dict[str, Any]:
    """The case that the address names, with its form; nothing when it is not in the dataset."""
    case_id = number_in(request, "case")
    if case_id is None:
        return {}
    try:
        version = current_case(dataset, case_id=case_id)
    except Http404:
        return {"opened": case_id, "case_gone": True}
    return case_panel(dataset, version, CaseForm(version, columns=dataset.columns))


def case_panel(dataset: Dataset, version: CaseVersion, form: CaseForm) -> dict[str, Any]:
    """What the side panel needs of one case."""
    return {
        "opened": version.case_id,
        "version": version,
        "case_title": case_title(version.inputs, dataset.columns, key=version.case.key),
        "case_form": form,
    }


def _cases(request: ProjectRequest, dataset: Dataset, here: str) -> dict[str, Any]:
    search, tag = text_in(request, "q"), text_in(request, "tag")
    page = cases_page(
        dataset, tag=tag, search=search, after=number_in(request, "after"), before=number_in(request, "before")
    )
    newest = newest_revision(dataset)
    n_cases = newest.n_cases if newest else 0
    return {
        "page": page,
        "newest": newest,
        "n_cases": n_cases,
        "n_found": _n_found(dataset, page, n_cases, tag=tag, search=search),
        "search": search,
        "tag": tag,
        "kept": [("tag", tag)] if tag else [],
        "chips": _chips(request, dataset, here, tag=tag, n_cases=n_cases),
        "next_url": here + query_of(request, "q", "tag", after=page.next_after) if page.next_after else "",
        "previous_url": here + query_of(request, "q", "tag", before=page.previous_before)
        if page.previous_before
        else "",
    }


def _n_found(dataset: Dataset, page: CasesPage, n_cases: int, *, tag: str, search: str) -> int | None:
    """How many cases fit, as far as it was counted; None for more. One page that holds them all needs no counting."""
    if not (search or tag):
        return n_cases
    if page.next_after is None and page.previous_before is None:
        return len(page.rows)
    found = n_cases_with(dataset, tag=tag, search=search)
    return found if found < MOST_COUNTED else None


def _chips(request: ProjectRequest, dataset: Dataset, here: str, *, tag: str, n_cases: int) -> list[dict[str, Any]]:
    tags = case_tags(dataset)
    if not (tags or tag):
        return []
    chips = [{"label": "All", "url": here + query_of(request, "q"), "active": not tag, "count": n_cases}]
    shown = {found.tag: found.n_cases for found in tags}
    for word, count in (shown if not tag or tag in shown else {**shown, tag: None}).items():
        url = here + query_of(request, "q", tag=word)
        chips.append({"label": word, "url": url, "active": word == tag, "count": count})
    return chips


def _news(request: ProjectRequest, dataset: Dataset) -> dict[str, Any]:
    """What was just done, as the address says."""
    imported, removed, done = (number_in(request, name) for name in ("imported", "removed", "done"))
    found: DatasetRevision | None = revision_numbered(dataset, imported) if imported else None
    gone = removed_case(dataset, case_id=removed) if removed else None
    return {
        "imported": found,
        "done": revision_numbered(dataset, done) if done else None,
        "n_same": number_in(request, "same") or 0,
        "nothing_new": "same" in request.GET and found is None,
        "removed": gone,
        "removed_title": case_title(gone.inputs, dataset.columns, key=gone.case.key) if gone else "",
    }
