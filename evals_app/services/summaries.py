"""Keeping what ended runs found beside them."""

from __future__ import annotations

from django.utils import timezone

from evals_app.choices import RunState
from evals_app.models import Run, RunEvaluator
from evals_app.selectors.scores import Tally, computed_estimate, run_tallies

ENDED = [RunState.FINISHED, RunState.STOPPED]


def run_summarise(run: Run) -> None:
    """Keep the run's estimates and counts. Idempotent; reads only what is committed."""
    tallies = run_tallies(run)
    for row in RunEvaluator.objects.filter(run=run).select_related("evaluator_version__evaluator"):
        estimate = computed_estimate(run, row)
        tally = tallies.get(row.evaluator_version_id, Tally())
        RunEvaluator.objects.filter(pk=row.pk).update(
            estimate=estimate.value,
            low=estimate.low,
            high=estimate.high,
            n=estimate.n,
            method=estimate.method[:200],
            note=estimate.note[:300],
            n_unscored=tally.unscored,
            n_error=tally.error,
            n_skipped=tally.skipped,
            summarised_at=timezone.now(),
        )


def summaries_fill(*, most: int = 20) -> int:
    """Summarise ended runs that were not yet. One bad run does not stop the others. Returns how many were done."""
    waiting = RunEvaluator.objects.filter(summarised_at__isnull=True, run__state__in=ENDED)
    run_ids = list(waiting.order_by("run_id").values_list("run_id", flat=True).distinct()[:most])
    for run in Run.objects.filter(pk__in=run_ids):
        run_summarise(run)
    return len(run_ids)
