"""What the page of a dataset shows: its cases, and one of them at the side."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString

from evals_app.forms.case_cell import EXPECTED, TAGS, VARIABLE, CaseCell
from evals_app.forms.datasets import CaseForm
from evals_app.models import Case, CaseVersion, Dataset, DatasetRevision
from evals_app.selectors.case_filters import CaseFilter
from evals_app.selectors.cases import (
    MOST_COUNTED,
    CaseLine,
    CasesPage,
    TagCount,
    case_neighbours,
    case_tags,
    case_title,
    cases_page,
    current_case,
    n_cases_with,
    n_unanswered,
)
from evals_app.selectors.datasets import newest_revision, revision_numbered
from evals_app.views.case_table import ShownCell, cell_opening, row_html
from llmops.core.access import Action, ProjectRequest
from llmops.core.models import Project
from llmops.core.views.addresses import number_in, query_of, text_in
from llmops.core.views.saved_views import views_shown
from llmops.ids import row_number

FILTER = ("q", "tag", "unanswered", "since")
LIST = (*FILTER, "after", "before")


def case_list(
    request: ProjectRequest, dataset: Dataset, *, panel: dict[str, Any] | None = None, panel_only: bool = False
) -> dict[str, Any]:
    """The context of the dataset's page, or of its side panel alone; `panel` is the case there, or the address says."""
    if panel is None:
        panel = opened_case(request, dataset)
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
        **panel,
    }
    if (version := panel.get("version")) is not None:
        context |= _steps(request, dataset, here, position=version.position)
    if panel_only:
        return context
    return context | _cases(request, dataset, here, opened=panel.get("opened")) | _news(request, dataset)


def opened_case(request: ProjectRequest, dataset: Dataset) -> dict[str, Any]:
    """The case that the address names, with its form; nothing when it is not in the dataset."""
    case_id = number_in(request, "case")
    if case_id is None:
        return {}
    try:
        version = current_case(dataset, case_id=case_id)
    except Http404:
        taken_out = Case.objects.filter(dataset=dataset, pk=case_id).exists()
        return {"opened": case_id, "case_gone": True, "case_taken_out": taken_out}
    return case_panel(dataset, version, CaseForm(version, columns=dataset.columns))


def case_panel(dataset: Dataset, version: CaseVersion, form: CaseForm) -> dict[str, Any]:
    """What the side panel needs of one case."""
    return {
        "opened": version.case_id,
        "version": version,
        "case_title": case_title(version.inputs, dataset.columns, key=version.case.key),
        "case_form": form,
    }


def _steps(request: ProjectRequest, dataset: Dataset, here: str, *, position: int) -> dict[str, Any]:
    """Where the side panel's arrows lead: to the case before and the one after, on whichever page of the list."""
    before, after = case_neighbours(dataset, filter_in(request), position=position)
    return {
        "previous_case": here + query_of(request, *LIST, case=before) if before else "",
        "next_case": here + query_of(request, *LIST, case=after) if after else "",
    }


def dataset_state(dataset: Dataset) -> dict[str, Any]:
    """What the line under the title says: how many cases there are, and who changed them last."""
    newest = newest_revision(dataset)
    return {"newest": newest, "n_cases": newest.n_cases if newest else 0}


def filter_in(request: ProjectRequest) -> CaseFilter:
    """What the address narrows the list to."""
    return CaseFilter(
        search=text_in(request, "q"),
        tag=text_in(request, "tag"),
        unanswered="unanswered" in request.GET,
        changed_since=number_in(request, "since"),
    )


def _cases(request: ProjectRequest, dataset: Dataset, here: str, *, opened: int | None) -> dict[str, Any]:
    fits = filter_in(request)
    page = cases_page(dataset, fits, after=number_in(request, "after"), before=number_in(request, "before"))
    state = dataset_state(dataset)
    n_cases, tags = state["n_cases"], case_tags(dataset)
    return {
        **state,
        "page": page,
        "rows": _rows(request, dataset, here, page, opened=opened),
        "n_found": _n_found(dataset, page, n_cases, fits),
        "fits": fits,
        "kept": [(name, request.GET[name]) for name in FILTER if name != "q" and request.GET.get(name)],
        "tags": tags,
        "views": views_shown(request, "cases", subject=str(dataset.pk), here=here),
        "chips": _chips(request, dataset, here, fits, tags, n_cases),
        "next_url": here + query_of(request, *FILTER, after=page.next_after) if page.next_after else "",
        "previous_url": here + query_of(request, *FILTER, before=page.previous_before) if page.previous_before else "",
    }


def case_list_address(project: Project, subject: str) -> str | None:
    """Where the cases of a dataset stand, which `subject` names by its number; None when there is none."""
    dataset = Dataset.objects.filter(project=project, pk=row_number(subject) or 0).first()
    return reverse("evals:dataset-detail", args=[project.slug, dataset.name]) if dataset else None


def _rows(
    request: ProjectRequest, dataset: Dataset, here: str, page: CasesPage, *, opened: int | None
) -> list[SafeString]:
    may_edit = request.actor.may(Action.EDIT_DATASET) and dataset.archived_at is None
    kept = query_of(request, *LIST)
    then = f"{kept}&" if kept else "?"
    cells = [CaseCell(f"{VARIABLE}{column}") for column in dataset.columns] + [CaseCell(EXPECTED)]
    cells += [CaseCell(TAGS)] if page.has_tags else []
    # What rows have in common is made, and escaped, once.
    openings = [
        cell_opening(cell.label, is_title=at == 0, is_aside=cell.field == TAGS, may_edit=may_edit)
        for at, cell in enumerate(cells)
    ]
    labels = [escape(cell.label) for cell in cells]
    queries = [escape(f"{then}{urlencode({'field': cell.field})}") for cell in cells]
    opens = escape(f"{here}{then}case=")
    address = reverse("evals:case-cell", args=[request.project.slug, dataset.name, 0])
    before, after = (escape(part) for part in address.rsplit("0", 1))

    def row(line: CaseLine) -> SafeString:
        case_id = SafeString(line.case_id)
        cell_url = before + case_id + after
        texts = [*(text for _, text in line.named), line.expected, ", ".join(line.tags) or None]
        shown = [
            ShownCell(
                line.case_id,
                cell.field,
                labels[at],
                text,
                open_url=opens + case_id,
                cell_url=cell_url + queries[at] if may_edit else "",
                tags=line.tags if cell.field == TAGS else None,
                is_title=at == 0,
                is_open=line.case_id == opened,
            )
            for at, (cell, text) in enumerate(zip(cells, texts, strict=False))
        ]
        key = line.key if page.has_keys else None
        return row_html(line.case_id, zip(openings, shown, strict=False), key=key, may_edit=may_edit)

    return [row(line) for line in page.rows]


def _n_found(dataset: Dataset, page: CasesPage, n_cases: int, fits: CaseFilter) -> int | None:
    """How many cases fit, as far as it was counted; None for more. One page that holds them all needs no counting."""
    if not fits:
        return n_cases
    if page.next_after is None and page.previous_before is None:
        return len(page.rows)
    found = n_cases_with(dataset, fits) if page.n_fit is None else page.n_fit
    return found if found < MOST_COUNTED else None


def _chips(
    request: ProjectRequest, dataset: Dataset, here: str, fits: CaseFilter, tags: list[TagCount], n_cases: int
) -> list[dict[str, Any]]:
    """All; each tag, one at a time; then what can be asked as well: no expected answer, changed since."""

    def chip(label: str, count: int | None = None, *, active: bool, **change: Any) -> dict[str, Any]:
        url = here + query_of(request, *FILTER, **change)
        return {"label": label, "url": url, "active": active, "count": count}

    chips = []
    shown = {found.tag: found.n_cases for found in tags}
    for word, count in (shown if not fits.tag or fits.tag in shown else {**shown, fits.tag: None}).items():
        active = word == fits.tag
        chips.append(chip(word, count, active=active, tag=None if active else word))
    unanswered = n_unanswered(dataset)
    if 0 < unanswered < n_cases or fits.unanswered:
        wanted = None if fits.unanswered else "1"
        chips.append(chip("No expected answer", unanswered, active=fits.unanswered, unanswered=wanted))
    if fits.changed_since is not None:
        chips.append(chip(f"Changed after revision {fits.changed_since}", active=True, since=None))
    if not chips:
        return []
    nothing = not any(each["active"] for each in chips)
    every = {"label": "All", "url": here + query_of(request, "q"), "active": nothing, "count": n_cases}
    return [every, *chips]


def _news(request: ProjectRequest, dataset: Dataset) -> dict[str, Any]:
    """What an import just did, as the address says."""
    imported = number_in(request, "imported")
    found: DatasetRevision | None = revision_numbered(dataset, imported) if imported else None
    return {
        "imported": found,
        "n_same": number_in(request, "same") or 0,
        "n_without": number_in(request, "without") or 0,
        "nothing_new": "same" in request.GET and found is None,
    }
