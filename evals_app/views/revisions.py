"""Pages of a dataset's history: what was changed, between any two revisions, and the way back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from evals_app.choices import CaseChange
from evals_app.models import CaseVersion, Dataset, DatasetRevision
from evals_app.selectors.changes import Between, Changed, change_counts, changes_page
from evals_app.selectors.datasets import dataset_by_name, revision_numbered, revisions_page, revisions_to_compare
from evals_app.services import revisions as services
from evals_app.services.datasets import DatasetMoved, DatasetProblem, WrongCases
from evals_app.services.exporting import EXPORT_TYPES
from evals_app.views.case_list import LIST
from evals_app.views.changes import ShownChange, kind_chips, shown_change
from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.views.addresses import number_in, query_of, text_in
from llmops.core.views.undoing import done_with_undo
from llmops.texts import shortened


@project_page(Action.VIEW)
@require_safe
def dataset_revisions(request: ProjectRequest, name: str) -> HttpResponse:
    """What was changed in a dataset, when and by whom, newest first."""
    dataset = dataset_by_name(request.project, name=name, archived=True)
    page = revisions_page(dataset, before=number_in(request, "before"))
    context = {
        "nav": "datasets",
        "dataset": dataset,
        "page": page,
        "next_url": query_of(request, before=page.next_before) if page.next_before else "",
        "export_types": EXPORT_TYPES,
        "choices": _choices(dataset, besides=(1,)),
        "may_edit": _may_edit(request, dataset),
    }
    return render(request, "evals_app/dataset_revisions.html", context)


@project_page(Action.VIEW)
@require_safe
def dataset_changes(request: ProjectRequest, name: str) -> HttpResponse:
    """What differs from revision `from` to revision `to`; without them, what the newest change did.

    From the newest back to an older one it is what going back would do, and offers it. `kind` and `q` narrow.
    """
    dataset = dataset_by_name(request.project, name=name, archived=True)
    between = _between(request, dataset)
    kind, search = request.GET.get("kind", ""), text_in(request, "q")
    kind = kind if kind in tuple(CaseChange) else ""
    counts = change_counts(between)
    found = change_counts(between, search=search) if search else counts
    page = changes_page(
        between, kind=kind, search=search, after=number_in(request, "after"), before=number_in(request, "before")
    )
    fixed = {"from": between.before, "to": between.after}
    context = {
        "nav": "datasets",
        "dataset": dataset,
        "between": between,
        "choices": _choices(dataset, besides=(between.before, between.after)),
        "one_revision": revision_numbered(dataset, between.after) if between.after == between.before + 1 else None,
        "going_back": between.after < between.before == dataset.revision,
        "may_edit": _may_edit(request, dataset),
        "counts": counts,
        "rows": [_shown(request, dataset, change) for change in page.rows],
        "n_found": {"": found.all, "added": found.added, "changed": found.changed, "removed": found.removed}[kind],
        "search": search,
        "kept": [*fixed.items(), *([("kind", kind)] if kind else [])],
        "all_url": query_of(request, **fixed),
        "chips": kind_chips(request, found, kind=kind, fixed=fixed),
        "next_url": query_of(request, "kind", "q", **fixed, after=page.next_after) if page.next_after else "",
        "previous_url": query_of(request, "kind", "q", **fixed, before=page.previous_before)
        if page.previous_before
        else "",
    }
    return render(request, "evals_app/dataset_changes.html", context)


@project_page(Action.EDIT_DATASET)
@require_POST
def revision_restore(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Go back to a revision, from the one that the person saw (`base`); the toast that follows offers to undo it."""
    dataset = dataset_by_name(request.project, name=name)
    if revision_numbered(dataset, number) is None:
        raise Http404("There is no such revision of this dataset.")
    base = request.POST.get("base", "")
    try:
        seen = int(base) if base.isascii() and base.isdigit() and len(base) < 10 else -1
        stored = services.revision_restore(dataset, number=number, base=seen, author=request.user)
    except DatasetMoved as moved:
        said = (
            f"Somebody changed the dataset meanwhile: it is at revision {moved.now} now. Nothing was done; look again."
        )
        messages.warning(request, said)
        here = reverse("evals:dataset-changes", args=[request.project.slug, dataset.name])
        return redirect(f"{here}?from={moved.now}&to={number}")
    except (WrongCases, DatasetProblem) as wrong:
        messages.error(request, problem_of(wrong))
        return redirect("evals:dataset-revisions", request.project.slug, dataset.name)
    return after_change(request, dataset, revision=stored.revision if stored.n_changes else None)


@project_page(Action.EDIT_DATASET)
@require_POST
def revision_undo(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Take back what one revision did, in the cases that have not changed again since."""
    dataset = dataset_by_name(request.project, name=name)
    if revision_numbered(dataset, number) is None:
        raise Http404("There is no such revision of this dataset.")
    try:
        undone = services.revision_undo(dataset, number=number, author=request.user)
    except (WrongCases, DatasetProblem) as wrong:
        messages.error(request, problem_of(wrong))
        return after_change(request, dataset, revision=None)
    if undone.n_left:
        cases = "1 case has" if undone.n_left == 1 else f"{undone.n_left:,} cases have"
        messages.warning(request, f"{cases} changed again since then and stayed as they are.")
    return after_change(request, dataset, revision=undone.stored.revision if undone.stored.n_changes else None)


def after_change(request: ProjectRequest, dataset: Dataset, *, revision: int | None, **more: Any) -> HttpResponse:
    """On to the list as it was; a toast says what `revision` did, if there is one, and offers to undo it."""
    done = revision_numbered(dataset, revision) if revision is not None else None
    if done is not None:
        undo_url = reverse("evals:revision-undo", args=[request.project.slug, dataset.name, done.number])
        done_with_undo(request, revision_words(done), undo_url=undo_url + query_of(request, *LIST))
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    return redirect(here + query_of(request, *LIST, **more))


def revision_words(revision: DatasetRevision) -> str:
    """What a revision did: "Removed the tag “old”: 3 changed."."""
    return f"{revision.message}: {revision.counts}." if revision.message else f"{revision.counts}."


def problem_of(wrong: WrongCases | DatasetProblem) -> str:
    """What is wrong, in a sentence."""
    return wrong.message if isinstance(wrong, DatasetProblem) else wrong.problems[0].message


def _shown(request: ProjectRequest, dataset: Dataset, change: Changed) -> ShownChange:
    """A case that differs; the link leads to it when it is in the dataset now."""
    here = reverse("evals:dataset-detail", args=[request.project.slug, dataset.name])
    version = change.after or change.before
    key = version.case.key if version else ""
    shown = shown_change(change.kind, change.before, change.after, columns=dataset.columns, key=key)
    shown.url = f"{here}?case={change.case_id}" if _is_now(change) else ""
    return shown


def _is_now(change: Changed) -> bool:
    sides: list[CaseVersion | None] = [change.before, change.after]
    return any(side is not None and side.until is None for side in sides)


def _choices(dataset: Dataset, *, besides: tuple[int, ...]) -> list[tuple[int, str]]:
    """The revisions that can be compared, each with its day and what it did; 0 is the dataset before its first case."""
    found = revisions_to_compare(dataset, besides=besides)
    said = [
        (row.number, f"{row.number} · {row.created_at:%-d %b} · {shortened(revision_words(row), 60)}") for row in found
    ]
    return [*said, (0, "0 · before the first case")]


def _may_edit(request: ProjectRequest, dataset: Dataset) -> bool:
    return request.actor.may(Action.EDIT_DATASET) and dataset.archived_at is None


def _between(request: ProjectRequest, dataset: Dataset) -> Between:
    """The revisions that the address names. Raises Http404 for one that is not there (0 is the empty dataset)."""
    after = dataset.revision if not request.GET.get("to") else number_in(request, "to")
    before = max((after or 0) - 1, 0) if not request.GET.get("from") else number_in(request, "from")
    if before is None or after is None or max(before, after) > dataset.revision:
        raise Http404("There is no such revision of this dataset.")
    return Between(dataset, before, after)
