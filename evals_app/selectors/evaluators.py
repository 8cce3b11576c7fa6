"""Reading evaluators."""

from __future__ import annotations

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import Http404

from evals_app.models import Evaluator, EvaluatorVersion
from llmops.core.models import Project


def evaluators_for_project(project: Project) -> QuerySet[Evaluator]:
    """The project's evaluators in use, by name, each with its `latest_number`."""
    newest = EvaluatorVersion.objects.filter(evaluator=OuterRef("pk")).order_by("-number")
    return (
        Evaluator.objects.filter(project=project, archived_at__isnull=True)
        .annotate(latest_number=Subquery(newest.values("number")[:1]))
        .order_by("name", "pk")
    )


def newest_versions_for_project(project: Project, *, archived: bool = False) -> QuerySet[EvaluatorVersion]:
    """The newest version of each evaluator in use (or of each archived one), by name."""
    newest = EvaluatorVersion.objects.filter(evaluator=OuterRef("evaluator")).order_by("-number")
    return (
        EvaluatorVersion.objects.filter(evaluator__project=project, evaluator__archived_at__isnull=not archived)
        .annotate(newest_number=Subquery(newest.values("number")[:1]))
        .filter(number=F("newest_number"))
        .select_related("evaluator", "connection", "created_by")
        .order_by("evaluator__name", "evaluator_id")
    )


def evaluator_by_name(project: Project, *, name: str, archived: bool = False) -> Evaluator:
    """The project's evaluator of this name; archived ones only when `archived` is true. Raises Http404."""
    found = Evaluator.objects.filter(project=project, name=name.replace("\x00", "\ufffd"))
    found = found if archived else found.filter(archived_at__isnull=True)
    evaluator = found.select_related("project").first()
    if evaluator is None:
        raise Http404(f"There is no metric called “{name}” in this project.")
    return evaluator


def latest_evaluator_version(evaluator: Evaluator) -> EvaluatorVersion:
    """The version with the highest number; every evaluator has one."""
    return evaluator.versions.select_related("evaluator", "connection").order_by("-number")[0]


def evaluator_history(evaluator: Evaluator) -> QuerySet[EvaluatorVersion]:
    """All versions, newest first."""
    return evaluator.versions.select_related("connection", "created_by").order_by("-number")


def latest_evaluator_versions(project: Project, *, names: list[str]) -> list[EvaluatorVersion]:
    """The newest versions of the named evaluators in the order of the names. Raises Http404."""
    newest = (
        EvaluatorVersion.objects.filter(
            evaluator__project=project, evaluator__name__in=names, evaluator__archived_at__isnull=True
        )
        .select_related("evaluator", "connection")
        .order_by("evaluator_id", "-number")
        .distinct("evaluator_id")
    )
    by_name = {version.evaluator.name: version for version in newest}
    for name in names:
        if name not in by_name:
            raise Http404(f"There is no metric called “{name}” in this project.")
    return [by_name[name] for name in dict.fromkeys(names)]
