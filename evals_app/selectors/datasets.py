"""Reading datasets and their cases."""

from __future__ import annotations

from django.db.models import IntegerField, OuterRef, Q, QuerySet, Subquery
from django.http import Http404

from evals_app.models import CaseVersion, Dataset, DatasetRevision
from llmops.core.models import Project


def datasets_for_project(project: Project, *, search: str = "") -> QuerySet[Dataset]:
    """The project's datasets, newest change first, each with its `n_cases`."""
    newest = DatasetRevision.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    datasets = Dataset.objects.filter(project=project, archived_at__isnull=True).annotate(
        n_cases=Subquery(newest.values("n_cases")[:1], output_field=IntegerField())
    )
    if search:
        datasets = datasets.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return datasets.order_by("-updated_at", "-pk")


def dataset_by_name(project: Project, *, name: str) -> Dataset:
    """The project's dataset of this name. Raises Http404."""
    dataset = Dataset.objects.filter(project=project, name=name).select_related("project").first()
    if dataset is None:
        raise Http404(f"There is no dataset called “{name}” in this project.")
    return dataset


def cases_at(dataset: Dataset, *, revision: int, tag: str = "", search: str = "") -> QuerySet[CaseVersion]:
    """The cases as they were at a revision, in the dataset's order."""
    cases = CaseVersion.objects.filter(dataset=dataset, since__lte=revision).filter(
        Q(until__isnull=True) | Q(until__gt=revision)
    )
    if tag:
        cases = cases.filter(tags__contains=[tag])
    if search:
        cases = cases.filter(
            Q(inputs__icontains=search) | Q(expected__icontains=search) | Q(case__key__icontains=search)
        )
    return cases.select_related("case").order_by("position", "pk")


def case_count(dataset: Dataset) -> int:
    """How many cases the current revision has."""
    newest = DatasetRevision.objects.filter(dataset=dataset, number=dataset.revision).first()
    return newest.n_cases if newest else 0
