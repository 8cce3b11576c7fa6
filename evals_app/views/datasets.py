"""Pages of datasets: the list, a new one, one with its cases, its history, its file, the archive."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evals_app.forms.datasets import FILL_BY_IMPORT, FILL_BY_TYPING, DatasetForm, NewDatasetForm
from evals_app.selectors.datasets import dataset_by_name, datasets_for_project
from evals_app.services.datasets import (
    DatasetProblem,
    dataset_archive,
    dataset_create,
    dataset_describe,
    dataset_unarchive,
)
from evals_app.services.exporting import (
    EXPORT_TYPES,
    AsyncPieces,
    ExportRefused,
    Pieces,
    cases_export,
    export_name,
)
from evals_app.views import bulk, case_cells, cases, import_changes, imports, revisions
from evals_app.views.case_list import case_list
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.selectors.paging import keyset_page
from llmops.core.views.addresses import number_in, query_of, text_in

DATASETS_PER_PAGE = 50


@project_page(Action.VIEW)
@require_safe
def dataset_list(request: ProjectRequest) -> HttpResponse:
    """The project's datasets; `?q=` searches, `?archived=1` shows the archived ones, `?at=` is a page."""
    search, archived = text_in(request, "q"), "archived" in request.GET
    found = datasets_for_project(request.project, search=search, archived=archived)
    page = keyset_page(found, at=request.GET.get("at", ""), size=DATASETS_PER_PAGE, by="updated_at")
    n_archived = datasets_for_project(request.project, archived=True).count()
    context = {
        "nav": "datasets",
        "page": page,
        "newer_url": query_of(request, "q", "archived", at=page.newer) if page.newer else "",
        "older_url": query_of(request, "q", "archived", at=page.older) if page.older else "",
        "n_found": found.count(),
        "search": search,
        "archived": archived,
        "kept": [("archived", "1")] if archived else [],
        "chips": _archive_chips(request, n_archived=n_archived, archived=archived),
        "archived_url": "?archived=1" if n_archived else "",
        "may_edit": request.actor.may(Action.EDIT_DATASET),
    }
    return render(request, "evals_app/dataset_list.html", context)


@project_page(Action.EDIT_DATASET)
@require_http_methods(["GET", "HEAD", "POST"])
def dataset_new(request: ProjectRequest) -> HttpResponse:
    """Make an empty dataset and go on to how its cases get in; `?fill=type` proposes typing."""
    fill = FILL_BY_TYPING if request.GET.get("fill") == FILL_BY_TYPING else FILL_BY_IMPORT
    form = NewDatasetForm(request.POST if request.method == "POST" else None, initial={"fill": fill})
    if form.is_valid():
        try:
            dataset = dataset_create(
                project=request.project,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                author=request.user,
            )
        except DatasetProblem as problem:
            form.add_error(problem.field, problem.message)
        else:
            step = "dataset-import" if form.cleaned_data["fill"] == FILL_BY_IMPORT else "case-add"
            return redirect(f"evals:{step}", request.project.slug, dataset.name)
    context = {"nav": "datasets", "form": form}
    return render(request, "evals_app/dataset_new.html", context, status=422 if form.errors else 200)


@project_page(Action.VIEW)
@require_safe
def dataset_detail(request: ProjectRequest, name: str) -> HttpResponse:
    """A dataset's cases; `case` opens one at the side, `q` searches, `tag` narrows, `after` and `before` are pages.

    `imported` names a revision that was just made, `removed` a case that was just taken out.
    """
    dataset = dataset_by_name(request.project, name=name, archived=True)
    template = "evals_app/dataset_detail.html"
    panel_only = request.htmx and request.htmx.target == "case-panel"  # type: ignore[attr-defined]  # django-htmx
    if panel_only:
        template += "#case-panel"
    context = case_list(request, dataset, panel_only=bool(panel_only))
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


@project_page(Action.EDIT_DATASET)
@require_http_methods(["GET", "HEAD", "POST"])
def dataset_edit(request: ProjectRequest, name: str) -> HttpResponse:
    """Give a dataset another name or description."""
    dataset = dataset_by_name(request.project, name=name, archived=True)
    initial = {"name": dataset.name, "description": dataset.description}
    form = DatasetForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            dataset_describe(dataset, **form.cleaned_data)
        except DatasetProblem as problem:
            form.add_error(problem.field, problem.message)
        else:
            messages.success(request, "Saved.")
            return redirect("evals:dataset-detail", request.project.slug, dataset.name)
    context = {"nav": "datasets", "form": form, "dataset_name": name}
    return render(request, "evals_app/dataset_edit.html", context, status=422 if form.errors else 200)


@project_page(Action.VIEW)
@require_safe
def dataset_export(request: ProjectRequest, name: str) -> HttpResponseBase:
    """All cases as a file, as they are or were at `revision`, that is edited and imports again without loss."""
    dataset = dataset_by_name(request.project, name=name, archived=True)
    file_format = request.GET.get("format", "csv")
    revision = dataset.revision if "revision" not in request.GET else number_in(request, "revision")
    if file_format not in EXPORT_TYPES or revision is None or revision > dataset.revision:
        raise Http404("There is no such file of this dataset.")
    try:
        file = cases_export(dataset, revision=revision, file_format=file_format, numbered=True)
    except ExportRefused as refused:
        messages.error(request, refused.message)
        return redirect("evals:dataset-detail", request.project.slug, dataset.name)
    filename = export_name(dataset, revision=revision, file_format=file_format)
    return StreamingHttpResponse(
        AsyncPieces(file) if isinstance(request, ASGIRequest) else Pieces(file),
        content_type=EXPORT_TYPES[file_format],
        headers={"Content-Disposition": content_disposition_header(True, filename) or ""},
    )


@project_page(Action.EDIT_DATASET)
@require_POST
def dataset_remove(request: ProjectRequest, name: str) -> HttpResponse:
    """Take a dataset out of the list; its cases and runs stay, and it can be brought back."""
    dataset = dataset_by_name(request.project, name=name, archived=True)
    dataset_archive(dataset)
    messages.success(request, f"“{dataset.name}” is archived. Its runs stay as they are.")
    return redirect("evals:dataset-detail", request.project.slug, dataset.name)


@project_page(Action.EDIT_DATASET)
@require_POST
def dataset_restore(request: ProjectRequest, name: str) -> HttpResponse:
    """Bring an archived dataset back."""
    dataset = dataset_by_name(request.project, name=name, archived=True)
    dataset_unarchive(dataset)
    messages.success(request, f"“{dataset.name}” is back in the list.")
    return redirect("evals:dataset-detail", request.project.slug, dataset.name)


def _archive_chips(request: ProjectRequest, *, n_archived: int, archived: bool) -> list[dict[str, Any]]:
    if not (n_archived or archived):
        return []
    here = reverse("evals:dataset-list", args=[request.project.slug])
    return [
        {"label": "In use", "url": here, "active": not archived},
        {"label": "Archived", "url": f"{here}?archived=1", "active": archived, "count": n_archived},
    ]


urlpatterns = [
    path("datasets/", dataset_list, name="dataset-list"),
    path("new-dataset/", dataset_new, name="dataset-new"),
    path("datasets/<str:name>/", dataset_detail, name="dataset-detail"),
    path("datasets/<str:name>/edit/", dataset_edit, name="dataset-edit"),
    path("datasets/<str:name>/history/", revisions.dataset_revisions, name="dataset-revisions"),
    path("datasets/<str:name>/history/<int:number>/restore/", revisions.revision_restore, name="revision-restore"),
    path("datasets/<str:name>/history/<int:number>/undo/", revisions.revision_undo, name="revision-undo"),
    path("datasets/<str:name>/changes/", revisions.dataset_changes, name="dataset-changes"),
    path("datasets/<str:name>/export/", dataset_export, name="dataset-export"),
    path("datasets/<str:name>/remove/", dataset_remove, name="dataset-remove"),
    path("datasets/<str:name>/restore/", dataset_restore, name="dataset-restore"),
    path("datasets/<str:name>/import/", imports.dataset_import, name="dataset-import"),
    path("datasets/<str:name>/import/changes/", import_changes.import_changes, name="import-changes"),
    path("datasets/<str:name>/add/", cases.case_add, name="case-add"),
    path("datasets/<str:name>/bulk/", bulk.case_bulk, name="case-bulk"),
    path("datasets/<str:name>/cases/<int:case_id>/", cases.case_edit, name="case-edit"),
    path("datasets/<str:name>/cases/<int:case_id>/cell/", case_cells.case_cell, name="case-cell"),
    path("datasets/<str:name>/cases/<int:case_id>/remove/", cases.case_remove, name="case-remove"),
    path("datasets/<str:name>/cases/<int:case_id>/put-back/", cases.case_put_back, name="case-put-back"),
]
