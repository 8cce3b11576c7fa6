"""The page that imports a file: choose it, say what its columns are, see what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, BinaryIO, cast

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from evals_app.engine.case_files import FileKind
from evals_app.forms.imports import MEANINGS, column_choices, column_map, missing_variables
from evals_app.models import Dataset
from evals_app.selectors.datasets import case_count, dataset_by_name
from evals_app.services.datasets import CaseProblem, DatasetProblem, WrongCases
from evals_app.services.import_previews import preview_make
from evals_app.services.importing import (
    MOST_FILE_BYTES,
    FileRefused,
    file_import,
    file_preview,
)
from evals_app.services.kept_files import FileGone, KeptFile, file_forget, file_keep, kept_file
from evals_app.views.import_changes import after_import, import_steps
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.views.addresses import query_of

MOST_REQUEST_BYTES = MOST_FILE_BYTES + 1024 * 1024  # the form around the file
TOO_LARGE = f"The file is larger than {MOST_FILE_BYTES // 1024**2} MB. Split it and import one part after the other."
PASTED = "pasted cells.csv"
PROBLEMS_SHOWN = 100
ROWS_NAMED = 12
View = Callable[..., HttpResponse]


def _size_first(view: View) -> View:
    """Refuse a request that is too large by its own word, before its form and CSRF token are read."""

    @wraps(view)
    def page(request: ProjectRequest, name: str) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_REQUEST_BYTES:
            dataset = dataset_by_name(request.project, name=name)
            return _choose(request, dataset, problem=TOO_LARGE, status=413)
        return csrf_protect(view)(request, name)

    page.csrf_exempt = True  # type: ignore[attr-defined]  # checked just above, after the size
    return page


@project_page(Action.EDIT_DATASET)
@require_http_methods(["GET", "HEAD", "POST"])
@_size_first
def dataset_import(request: ProjectRequest, name: str) -> HttpResponse:
    """Choose a file; then, with `upload` in the address, say what its columns are and see what it changes."""
    dataset = dataset_by_name(request.project, name=name)
    token = request.POST.get("upload") or request.GET.get("upload", "")
    if not token:
        return _upload(request, dataset) if request.method == "POST" else _choose(request, dataset)
    try:
        kept = kept_file(token, dataset=dataset, user=request.user)
        return _columns(request, dataset, kept, token)
    except FileGone as gone:
        return _choose(request, dataset, problem=gone.message, status=422)
    except FileRefused as refused:
        return _choose(request, dataset, problem=refused.message, status=422)


def _choose(request: ProjectRequest, dataset: Dataset, *, problem: str = "", status: int = 200) -> HttpResponse:
    """Step 1."""
    read = request.method == "POST" and status != 413
    context = {
        "nav": "datasets",
        "dataset": dataset,
        "steps": import_steps("file", compares=case_count(dataset) > 0),
        "problem": problem,
        "pasted": request.POST.get("pasted", "") if read else "",
        "most_mb": MOST_FILE_BYTES // 1024**2,
    }
    return render(request, "evals_app/dataset_import.html", context, status=status)


def _upload(request: ProjectRequest, dataset: Dataset) -> HttpResponse:
    """Keep the file when it can be read at all, and go on to its columns."""
    upload, pasted = request.FILES.get("file"), request.POST.get("pasted", "")
    if upload is None and not pasted.strip():
        return _choose(request, dataset, problem="Choose a file, or paste cells below.", status=422)
    try:
        if upload is not None and upload.file is not None:
            file_preview(cast("BinaryIO", upload.file), filename=upload.name or "")
            upload.seek(0)
            token = file_keep(upload.chunks(), filename=upload.name or "", dataset=dataset, user=request.user)
        else:
            token = file_keep([pasted.encode()], filename=PASTED, dataset=dataset, user=request.user)
    except FileRefused as refused:
        return _choose(request, dataset, problem=refused.message, status=422)
    here = reverse("evals:dataset-import", args=[request.project.slug, dataset.name])
    return redirect(here + query_of(request, upload=token))


def _columns(request: ProjectRequest, dataset: Dataset, kept: KeptFile, token: str) -> HttpResponse:
    """Step 2, and then what would change; into an empty dataset it is stored at once.

    Raises FileRefused when the file itself is the matter.
    """
    with kept.path.open("rb") as file:
        found = file_preview(file, filename=kept.filename)
    here = reverse("evals:dataset-import", args=[request.project.slug, dataset.name])
    compares = case_count(dataset) > 0
    data = request.POST.dict() if request.method == "POST" else None
    choices = column_choices(found, known=dataset.columns, data=data)
    context: dict[str, Any] = {
        "nav": "datasets",
        "dataset": dataset,
        "steps": import_steps("columns", upload_url=here, compares=compares),
        "compares": compares,
        "filename": kept.filename,
        "upload": token,
        "preview": found,
        "choices": choices,
        "meanings": MEANINGS,
        "missing": missing_variables(choices, known=dataset.columns),
    }
    if request.method == "POST":
        try:
            if compares:
                preview_make(dataset, kept, column_map=column_map(choices))
                changes = reverse("evals:import-changes", args=[request.project.slug, dataset.name])
                return redirect(changes + query_of(request, upload=token))
            with kept.path.open("rb") as file:
                stored = file_import(
                    dataset, file, filename=kept.filename, column_map=column_map(choices), author=request.user
                )
        except WrongCases as wrong:
            context |= {
                "wrong": wrong,
                "wrong_shown": _grouped(wrong.problems),
                "place": "Row" if found.kind is FileKind.XLSX else "Line",
                "steps": import_steps("file", compares=compares),
            }
        except (FileRefused, DatasetProblem) as refused:
            context["problem"] = refused.message
        else:
            file_forget(kept)
            return redirect(after_import(request, dataset, stored))
    status = 422 if request.method == "POST" else 200
    return render(request, "evals_app/dataset_import_columns.html", context, status=status)


def _grouped(problems: Sequence[CaseProblem]) -> list[dict[str, Any]]:
    """Problems that say the same of the same column together, in the order of their first row."""
    rows_of: dict[tuple[str, str], list[int]] = {}
    for problem in problems:
        rows_of.setdefault((problem.field, problem.message), []).append(problem.row)
    return [
        {"rows": rows[:ROWS_NAMED], "n_more": len(rows[ROWS_NAMED:]), "field": field, "message": message}
        for (field, message), rows in list(rows_of.items())[:PROBLEMS_SHOWN]
    ]
