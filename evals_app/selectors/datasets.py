"""Reading datasets, their revisions and their cases as they were at one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404

from evals_app.models import CaseVersion, Dataset, DatasetRevision
from llmops.core.models import Project

REVISIONS_PER_PAGE = 50
MOST_COMPARED = 100


class RevisionsPage(NamedTuple):
    """Some revisions, newest first, and the `before` of the next page, if there is one."""

    rows: list[DatasetRevision]
    next_before: int | None


def datasets_for_project(project: Project, *, search: str = "", archived: bool = False) -> QuerySet[Dataset]:
    """The project's datasets (or the archived ones), newest change first.

    Each has its `n_cases` and `changed_by`, the address of who made the newest revision (None for programs).
    """
    newest = DatasetRevision.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    datasets = Dataset.objects.filter(project=project, archived_at__isnull=not archived).annotate(
        n_cases=Coalesce(Subquery(newest.values("n_cases")[:1], output_field=IntegerField()), 0),
        changed_by=Subquery(newest.values("created_by__email")[:1]),
    )
    if search:
        datasets = datasets.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return datasets.order_by("-updated_at", "-pk")


def dataset_by_name(project: Project, *, name: str, archived: bool = False) -> Dataset:
    """The project's dataset of this name; removed ones only when `archived` is true. Raises Http404."""
    found = Dataset.objects.filter(project=project, name=name.replace("\x00", "\ufffd")).select_related("project")
    dataset = (found if archived else found.filter(archived_at__isnull=True)).first()
    if dataset is None:
        raise Http404(f"There is no dataset called “{name}” in this project.")
    return dataset


def cases_at(dataset: Dataset, *, revision: int, tag: str = "") -> QuerySet[CaseVersion]:
    """The cases as they were at a revision, in the dataset's order. `position` is unique among them."""
    cases = CaseVersion.objects.filter(dataset=dataset, since__lte=revision)
    cases = cases.filter(Q(until__isnull=True) | Q(until__gt=revision))
    cases = cases.filter(tags__contains=[tag]) if tag else cases
    return cases.select_related("case").order_by("position", "pk")


def case_count(dataset: Dataset) -> int:
    """How many cases the current revision has."""
    newest = DatasetRevision.objects.filter(dataset=dataset, number=dataset.revision).first()
    return newest.n_cases if newest else 0


def revisions_page(dataset: Dataset, *, before: int | None = None) -> RevisionsPage:
    """What was changed, newest first."""
    revisions = DatasetRevision.objects.filter(dataset=dataset).select_related("created_by").order_by("-number")
    if before is not None:
        revisions = revisions.filter(number__lt=before)
    rows = list(revisions[: REVISIONS_PER_PAGE + 1])
    more = len(rows) > REVISIONS_PER_PAGE
    rows = rows[:REVISIONS_PER_PAGE]
    return RevisionsPage(rows, rows[-1].number if more else None)


def revisions_to_compare(dataset: Dataset, *, besides: Iterable[int] = ()) -> list[DatasetRevision]:
    """The newest revisions and those numbered `besides`, newest first."""
    newest = dataset.revision - MOST_COMPARED
    wanted = Q(number__gt=newest) | Q(number__in=list(besides))
    return list(DatasetRevision.objects.filter(wanted, dataset=dataset).order_by("-number"))


def newest_revision(dataset: Dataset) -> DatasetRevision | None:
    """The last change, with who made it; None while the dataset is empty from the start."""
    revisions = DatasetRevision.objects.filter(dataset=dataset, number=dataset.revision)
    return revisions.select_related("created_by").first()


def revision_numbered(dataset: Dataset, number: int) -> DatasetRevision | None:
    """The revision of this number, if there is one."""
    return DatasetRevision.objects.filter(dataset=dataset, number=number).first()
