"""The page between a file and a dataset: what storing it would change, case by case, before anything is stored."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from evals_app.choices import CaseChange
from evals_app.models import Dataset
from evals_app.selectors.datasets import dataset_by_name
from evals_app.services.datasets import DatasetMoved, DatasetProblem, Stored, WrongCases
from evals_app.services.import_previews import (
    CHANGES_PER_PAGE,
    FileChange,
    ImportPreview,
    import_preview,
    preview_apply,
    preview_changes,
    preview_make,
)
from evals_app.services.importing import FileRefused
from evals_app.services.kept_files import FileGone, KeptFile, file_forget, kept_file
from evals_app.views.changes import KIND_WORDS, ShownChange, shown_change
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.views.addresses import number_in, query_of

MISSING = "Not in the file"


@project_page(Action.EDIT_DATASET)
@require_http_methods(["GET", "HEAD", "POST"])
def import_changes(request: ProjectRequest, name: str) -> HttpResponse:
    """What the file `upload` would change; `kind` narrows, `start` is a page. Posted, it is stored.

    When the dataset changed since it was compared, it is compared again and shown again instead.
    """
    dataset = dataset_by_name(request.project, name=name)
    token = request.POST.get("upload") or request.GET.get("upload", "")
    here = reverse("evals:import-changes", args=[request.project.slug, dataset.name]) + query_of(request, upload=token)
    choose = reverse("evals:dataset-import", args=[request.project.slug, dataset.name])
    try:
        kept = kept_file(token, dataset=dataset, user=request.user)
        preview = import_preview(kept)
        if request.method != "POST":
            return _show(request, dataset, kept, preview)
        try:
            stored = preview_apply(
                dataset, kept, preview, whole=request.POST.get("missing") == "take_out", author=request.user
            )
        except DatasetMoved as moved:
            preview_make(dataset, kept, column_map=preview.column_map)
            said = f"Somebody changed the dataset meanwhile: it is at revision {moved.now} now. Nothing was stored yet."
            messages.warning(request, f"{said} Below is what the file would change in it as it is now.")
            return redirect(here)
    except FileGone as gone:
        messages.error(request, gone.message)
        return redirect(choose)
    except (FileRefused, DatasetProblem) as refused:
        messages.error(request, refused.message)
        return redirect(choose + query_of(request, upload=token))
    except WrongCases as wrong:
        first = wrong.problems[0]
        messages.error(request, f"Row {first.row:,}: {first.message} Nothing was stored.")
        return redirect(choose + query_of(request, upload=token))
    file_forget(kept)
    return redirect(after_import(request, dataset, stored))


def after_import(request: ProjectRequest, dataset: Dataset, stored: Stored, *, without: int = 0) -> str:
    """The address of the dataset's page, which says what was stored, `without` of it lacking the first variable."""
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    made = stored.revision if stored.n_changes else None
    return here + query_of(request, imported=made, same=str(stored.unchanged), without=without or None)


def import_steps(current: str, *, upload_url: str = "", columns_url: str = "", compares: bool) -> list[dict[str, str]]:
    """The steps of an import. Into an empty dataset there is nothing to compare with: it is stored, then seen."""
    names = {"file": "Choose a file", "columns": "Say what its columns are"}
    names["changes"] = "See what changes" if compares else "See what was stored"
    urls = {"file": upload_url, "columns": columns_url}
    at = list(names).index(current)
    return [
        {
            "label": label,
            "state": "done" if place < at else "current" if place == at else "todo",
            "url": urls.get(name, ""),
        }
        for place, (name, label) in enumerate(names.items())
    ]


def _show(request: ProjectRequest, dataset: Dataset, kept: KeptFile, preview: ImportPreview) -> HttpResponse:
    kinds = [str(kind) for kind in CaseChange]
    kind = request.GET.get("kind", "") if request.GET.get("kind") in kinds else ""
    start = number_in(request, "start") or 0
    numbers = _numbers(preview)
    rows = preview_changes(kept, kind=CaseChange(kind) if kind else None, start=start)
    after = start + CHANGES_PER_PAGE
    choose = reverse("evals:dataset-import", args=[request.project.slug, dataset.name])
    columns_url = choose + query_of(request, "upload")
    earlier = str(max(start - CHANGES_PER_PAGE, 0)) if start else None
    context = {
        "nav": "datasets",
        "dataset": dataset,
        "steps": import_steps("changes", upload_url=choose, columns_url=columns_url, compares=True),
        "columns_url": columns_url,
        "filename": kept.filename,
        "upload": request.GET.get("upload", ""),
        "preview": preview,
        "counts": preview.counts,
        "behind": preview.base is not None and preview.base < preview.revision,
        "rows": [_shown(dataset, preview, change) for change in rows],
        "chips": _chips(request, numbers, kind),
        "n_found": numbers[kind],
        "next_url": query_of(request, "upload", "kind", start=after) if after < numbers[kind] else "",
        "previous_url": query_of(request, "upload", "kind", start=earlier) if earlier else "",
    }
    return render(request, "evals_app/dataset_import_changes.html", context)


def _numbers(preview: ImportPreview) -> dict[str, int]:
    counts = preview.counts
    return {"": preview.n_changes, "added": counts.added, "changed": counts.updated, "removed": counts.missing}


def _chips(request: ProjectRequest, numbers: dict[str, int], kind: str) -> list[dict[str, Any]]:
    labels = {"": "All changes", **{str(each): word for each, word in KIND_WORDS.items()}, "removed": MISSING}
    chips = [
        {"label": labels[value], "url": query_of(request, "upload", kind=value), "active": value == kind, "count": n}
        for value, n in numbers.items()
        if n or value in ("", kind)
    ]
    return chips if len(chips) > 2 or numbers["removed"] else []


def _shown(dataset: Dataset, preview: ImportPreview, change: FileChange) -> ShownChange:
    key = (change.after.key if change.after else change.before.case.key if change.before else "") or ""
    shown = shown_change(change.kind, change.before, change.after, columns=dataset.columns, key=key)
    shown.place = f"{preview.counted} {change.row:,}" if change.row else ""
    shown.moved = change.moved
    shown.word = MISSING if change.kind is CaseChange.REMOVED else shown.word
    return shown
