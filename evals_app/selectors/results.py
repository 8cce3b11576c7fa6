"""Reading results and their scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import Http404

from evals_app.choices import ResultState, ScoreSource, ScoreState
from evals_app.models import Result, Run, Score
from llmops.core.models import ModelCall

MOST_CAUSES = 5
MACHINE = (ScoreSource.CODE, ScoreSource.JUDGE)


def results_of_run(run: Run) -> QuerySet[Result]:
    """All results of a run in the dataset's order (which is that of their ids), with case content and scores."""
    scores = Score.objects.filter(source__in=MACHINE).select_related("evaluator_version__evaluator").order_by("pk")
    return (
        Result.objects.filter(run=run)
        .select_related("case", "case_version")
        .prefetch_related(Prefetch("scores", queryset=scores))
        .order_by("pk")
    )


def results_filtered(
    results: QuerySet[Result], *, show: str, evaluator_version_id: int | None, search: str = "", tag: str = ""
) -> QuerySet[Result]:
    """Narrow results down. `show` is one of right, wrong, not_scored, error, waiting, or empty for all.

    right and wrong speak of the yes/no metric `evaluator_version_id`; unknown words show all.
    """
    scores = Score.objects.filter(result=OuterRef("pk"), evaluator_version_id=evaluator_version_id, source__in=MACHINE)
    if show == "right":
        results = results.filter(Exists(scores.filter(state=ScoreState.SCORED, value__gte=1)))
    elif show == "wrong":
        results = results.filter(Exists(scores.filter(state=ScoreState.SCORED, value__lt=1)))
    elif show == "not_scored":
        results = results.filter(Exists(scores.exclude(state=ScoreState.SCORED)))
    elif show == "error":
        results = results.filter(state=ResultState.ERROR)
    elif show == "waiting":
        results = results.filter(state__in=[ResultState.PENDING, ResultState.RUNNING])
    if tag:
        results = results.filter(case_version__tags__contains=[tag])
    if search:
        results = results.filter(
            Q(output__icontains=search)
            | Q(case_version__inputs__icontains=search)
            | Q(case_version__expected__icontains=search)
            | Q(case__key__icontains=search)
        )
    return results


def result_by_id(run: Run, *, result_id: int) -> Result:
    """One result of a run. Raises Http404."""
    result = results_of_run(run).filter(pk=result_id).first()
    if result is None:
        raise Http404("There is no such result in this run.")
    return result


class Cause(NamedTuple):
    """Why results have no answer, and how many have none for this reason."""

    reason: str
    n: int


def commonest_causes(run: Run) -> list[Cause]:
    """Why results of the run have no answer, the most frequent reasons first; empty when all have one."""
    found = _by_reason(Result.objects.filter(run=run, state=ResultState.ERROR))
    return [Cause(row["reason"], row["n"]) for row in found[:MOST_CAUSES]]


def commonest_gap(run: Run, *, evaluator_version_id: int) -> str:
    """Why most of the marks that this metric could not give are missing; empty when none is."""
    missing = Score.objects.filter(run=run, evaluator_version_id=evaluator_version_id, source__in=MACHINE).exclude(
        state=ScoreState.SCORED
    )
    found = _by_reason(missing).first()
    return str(found["reason"]) if found else ""


def _by_reason(rows: QuerySet[Result] | QuerySet[Score]) -> Any:
    """The reasons of these rows and how many have each, the most frequent first."""
    return rows.values("reason").annotate(n=Count("pk")).order_by("-n", "reason")


def result_calls(result: Result) -> QuerySet[ModelCall]:
    """Every attempt made for a result, its judges' too, oldest first."""
    return ModelCall.objects.filter(project_id=result.project_id, result_id=result.pk).order_by("started_at", "id")


def tags_of_run(results: QuerySet[Result]) -> Iterable[str]:
    """The tags that the cases of these results have, by name."""
    tags = results.order_by().values_list("case_version__tags", flat=True).distinct()[:1_000]
    return sorted({tag for row in tags for tag in row})
