"""Pages that change cases: several typed or pasted, one edited, one taken out and put back."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from evals_app.engine.case_files import CaseRow
from evals_app.forms.case_grid import MOST_ROWS, CaseGrid
from evals_app.forms.datasets import CaseForm
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.cases import case_title, current_case, has_keys, removed_case, version_of_case
from evals_app.selectors.datasets import dataset_by_name
from evals_app.services import datasets as services
from evals_app.services.datasets import CaseChanged, DatasetProblem, Stored, WrongCases
from evals_app.views.case_list import LIST, case_list, case_panel
from evals_app.views.import_changes import after_import
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.views.addresses import query_of
from llmops.core.views.undoing import done_with_undo
from llmops.texts import shortened

FIRST_COLUMN = "question"
MOST_NEW_COLUMNS = 20
TITLE_CHARS = 80


@project_page(Action.EDIT_DATASET)
@require_http_methods(["GET", "HEAD", "POST"])
def case_add(request: ProjectRequest, name: str) -> HttpResponse:
    """Type or paste several cases; `column` in the address names the variables, the dataset's own when absent."""
    dataset = dataset_by_name(request.project, name=name)
    columns = _columns(request, dataset)
    grid = CaseGrid(
        columns, with_keys=has_keys(dataset), data=request.POST.dict() if request.method == "POST" else None
    )
    problem = ""
    if request.method == "POST":
        problem = _grid_problem(grid)
        if not problem:
            cases = grid.cases()
            try:
                stored = services.cases_put(dataset, cases, author=request.user)
            except WrongCases as wrong:
                grid.mark(wrong.problems)
                problem = "Nothing was saved yet. See what is marked below."
            except DatasetProblem as full:
                problem = full.message
            else:
                without = sum(_lacks(case, columns[0]) for case in cases)
                return redirect(after_import(request, dataset, stored, without=without))
    context = {
        "nav": "datasets",
        "dataset": dataset,
        "grid": grid,
        "problem": problem,
        "column_names": ", ".join(columns),
        "columns_query": query_of(request, columns=request.GET.get("columns", "")),
        "is_new": not dataset.columns,
    }
    return render(request, "evals_app/dataset_add.html", context, status=422 if problem else 200)


@project_page(Action.VIEW, post=Action.EDIT_DATASET)
@require_http_methods(["GET", "HEAD", "POST"])
def case_edit(request: ProjectRequest, name: str, case_id: int) -> HttpResponse:
    """Save one case from the side panel. Read, it is the dataset's page with the case opened."""
    dataset = dataset_by_name(request.project, name=name, archived=request.method != "POST")
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    if request.method != "POST":
        return redirect(here + query_of(request, *LIST, case=case_id))
    base = version_of_case(dataset, case_id=case_id, pk=request.POST.get("base", ""))
    form = CaseForm(base, columns=dataset.columns, data=request.POST)
    theirs: CaseVersion | None = None
    if form.is_valid():
        try:
            row = form.row()
            stored = services.case_edit(base, row, author=request.user)
        except WrongCases as wrong:
            form.mark(wrong.problems)
        except CaseChanged as changed:
            if changed.now is None:
                raise Http404("Somebody took this case out meanwhile.") from changed
            theirs = changed.now
        else:
            return _saved(request, dataset, case_id, stored, row)
    return _panel_again(request, dataset, base, form, theirs)


@project_page(Action.EDIT_DATASET)
@require_POST
def case_remove(request: ProjectRequest, name: str, case_id: int) -> HttpResponse:
    """Take a case out; the toast that follows offers to put it back."""
    dataset = dataset_by_name(request.project, name=name)
    services.cases_remove(dataset, case_ids=[case_id], author=request.user)
    if (gone := removed_case(dataset, case_id=case_id)) is not None:
        title = shortened(case_title(gone.inputs, dataset.columns, key=gone.case.key), TITLE_CHARS)
        back = reverse("evals:case-put-back", args=[request.project.slug, dataset.name, case_id])
        done_with_undo(request, f"“{title}” was taken out.", undo_url=back + query_of(request, *LIST))
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    return redirect(here + query_of(request, *LIST))


@project_page(Action.EDIT_DATASET)
@require_POST
def case_put_back(request: ProjectRequest, name: str, case_id: int) -> HttpResponse:
    """Put a case back where it was."""
    dataset = dataset_by_name(request.project, name=name)
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    try:
        services.cases_put_back(dataset, case_ids=[case_id], author=request.user)
    except WrongCases as wrong:
        messages.error(request, wrong.problems[0].message)
        return redirect(here + query_of(request, *LIST))
    messages.success(request, "The case is back.")
    return redirect(here + query_of(request, *LIST, case=case_id))


def _columns(request: ProjectRequest, dataset: Dataset) -> list[str]:
    """The columns of the grid: those of the dataset, then those that the address names with commas."""
    wanted = [name.strip()[:100] for name in request.GET.get("columns", "").split(",")]
    names = [*dataset.columns, *(name for name in wanted[:MOST_NEW_COLUMNS] if name)]
    return list(dict.fromkeys(names)) or [FIRST_COLUMN]


def _grid_problem(grid: CaseGrid) -> str:
    if grid.too_many:
        return f"These are more than {MOST_ROWS:,} rows. Save them as a spreadsheet and import it."
    return "" if grid.filled() else "Type or paste at least one case."


def _lacks(case: CaseRow, column: str) -> bool:
    """Whether the first variable, which most often is the question, has no text: it may be meant, and is said."""
    return not case.inputs.get(column, "").strip()


def _saved(request: ProjectRequest, dataset: Dataset, case_id: int, stored: Stored, row: CaseRow) -> HttpResponse:
    """On with the panel and, beside it, the changed list; without scripts the whole page again."""
    said = f"Saved as revision {stored.revision}." if stored.updated else "Nothing was changed."
    if stored.updated and dataset.columns and _lacks(row, dataset.columns[0]):
        said += f" It is without a text in “{dataset.columns[0]}”."
    if not request.htmx:  # type: ignore[attr-defined]  # set by django-htmx
        messages.success(request, said)
        here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
        return redirect(here + query_of(request, *LIST, case=case_id))
    dataset.refresh_from_db()
    version = current_case(dataset, case_id=case_id)
    panel = case_panel(dataset, version, CaseForm(version, columns=dataset.columns))
    context = case_list(request, dataset, panel=panel) | {"with_list": True}
    response = render(request, "evals_app/dataset_detail.html#case-panel", context)
    response["HX-Trigger"] = json.dumps({"toast": {"level": "success", "text": said}})
    return response


def _panel_again(
    request: ProjectRequest, dataset: Dataset, base: CaseVersion, form: CaseForm, theirs: CaseVersion | None
) -> HttpResponse:
    """The form as it was sent, with what is wrong, or with what somebody else wrote meanwhile."""
    panel = case_panel(dataset, base, form)
    if theirs is not None:
        panel["theirs"] = form.differences(theirs)
        form.take_over(theirs)
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx
        context = case_list(request, dataset, panel=panel, panel_only=True)
        return render(request, "evals_app/dataset_detail.html#case-panel", context, status=422)
    context = case_list(request, dataset, panel=panel)
    return render(request, "evals_app/dataset_detail.html", context, status=422)
