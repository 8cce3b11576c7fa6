"""A cell of the list, edited in place. Without htmx its address is the side panel, where all of the case is edited."""

from __future__ import annotations

import json

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods

from evals_app.forms.case_cell import TAGS, CaseCell
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.cases import SHOWN_CHARS, current_case, version_of_case
from evals_app.selectors.datasets import dataset_by_name
from evals_app.services import datasets as services
from evals_app.services.datasets import CaseChanged, Stored, WrongCases
from evals_app.views.case_list import LIST, dataset_state
from evals_app.views.case_table import ShownCell
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.views.addresses import query_of


@project_page(Action.EDIT_DATASET)
@require_http_methods(["GET", "HEAD", "POST"])
def case_cell(request: ProjectRequest, name: str, case_id: int) -> HttpResponse:
    """The form of the cell `field`, or with `shown` the cell as the list has it; posted, it is saved.

    Somebody else's change of another field is kept; one of the same field is shown, and the form stays.
    """
    dataset = dataset_by_name(request.project, name=name)
    if not request.htmx:  # type: ignore[attr-defined]  # set by django-htmx
        here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
        return redirect(here + query_of(request, *LIST, case=case_id))
    now, cell = current_case(dataset, case_id=case_id), CaseCell(request.GET.get("field", ""))
    if not cell.is_in(now, dataset.columns):
        raise Http404("There is no such field.")
    if request.method == "POST":
        response = _save(request, dataset, now, cell)
    elif "shown" in request.GET:
        response = _cell(request, dataset, now, cell)
    else:
        response = _form(request, dataset, now, cell, text=cell.value(now) or "")
    patch_vary_headers(response, ["HX-Request"])
    return response


def _save(request: ProjectRequest, dataset: Dataset, now: CaseVersion, cell: CaseCell) -> HttpResponse:
    base = version_of_case(dataset, case_id=now.case_id, pk=request.POST.get("base", ""))
    text = request.POST.get("text", "")
    if cell.value(now) != cell.value(base) and cell.row(now, text) != cell.row(now, cell.value(now) or ""):
        return _form(request, dataset, now, cell, text=text, theirs=cell.value(now) or "(empty)")
    try:
        stored = services.case_edit(now, cell.row(now, text), author=request.user)
    except WrongCases as wrong:
        return _form(request, dataset, base, cell, text=text, error=wrong.problems[0].message)
    except CaseChanged as changed:
        if changed.now is None:
            raise Http404("Somebody took this case out meanwhile.") from changed
        return _form(request, dataset, changed.now, cell, text=text, theirs=cell.value(changed.now) or "(empty)")
    return _cell(request, dataset, current_case(dataset, case_id=now.case_id), cell, stored)


def _cell(
    request: ProjectRequest, dataset: Dataset, version: CaseVersion, cell: CaseCell, stored: Stored | None = None
) -> HttpResponse:
    value = cell.value(version)
    addresses = _addresses(request, dataset, version, cell)
    shown = ShownCell(
        version.case_id,
        cell.field,
        cell.label,
        value if value is None else value[:SHOWN_CHARS],
        open_url=addresses["open_url"],
        cell_url=addresses["cell_url"],
        tags=version.tags if cell.field == TAGS else None,
        is_title=dataset.columns[:1] == [cell.column],
    )
    response = HttpResponse(shown.html())
    if stored and stored.n_changes:
        undo = reverse("evals:revision-undo", args=[request.project.slug, dataset.name, stored.revision])
        toast = {
            "level": "success",
            "text": f"Saved as revision {stored.revision}.",
            "undo": undo + query_of(request, *LIST),
        }
        response["HX-Trigger"] = json.dumps({"toast": toast})
        dataset.refresh_from_db()
        state = {"project": request.project, "dataset": dataset, **dataset_state(dataset)}
        for part in ("dataset-lead", "dataset-news"):
            response.write(render_to_string(f"evals_app/dataset_detail.html#{part}", state, request))
    return response


def _form(
    request: ProjectRequest,
    dataset: Dataset,
    base: CaseVersion,
    cell: CaseCell,
    *,
    text: str,
    theirs: str = "",
    error: str = "",
) -> HttpResponse:
    context = {
        **_addresses(request, dataset, base, cell),
        "case_id": base.case_id,
        "label": cell.label,
        "base": base.pk,
        "text": text,
        "theirs": theirs[:SHOWN_CHARS],
        "error": error,
    }
    return render(request, "evals_app/_case_cell_form.html", context, status=422 if theirs or error else 200)


def _addresses(request: ProjectRequest, dataset: Dataset, version: CaseVersion, cell: CaseCell) -> dict[str, str]:
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    address = reverse("evals:case-cell", args=[request.project.slug, dataset.name, version.case_id])
    return {
        "cell_url": address + query_of(request, *LIST, field=cell.field),
        "open_url": here + query_of(request, *LIST, case=version.case_id),
    }
