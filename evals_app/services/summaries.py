"""Keeping what ended runs found beside them."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from evals_app.choices import RunState
from evals_app.models import Run, RunEvaluator
from evals_app.selectors.scores import Tally, computed_estimate, run_tallies

log = logging.getLogger(__name__)

ENDED = [RunState.FINISHED, RunState.STOPPED, RunState.FAILED]


def run_summarise(run: Run) -> None:
    """Keep the run's estimates and counts, if it has ended. Idempotent.

    Locks the run's row, so that whoever carries it on or marks it again meanwhile forgets the summary after it.
    """
    with transaction.atomic():
        if not Run.objects.select_for_update().filter(pk=run.pk, state__in=ENDED).exists():
            return
        tallies = run_tallies(run)
        for row in RunEvaluator.objects.filter(run=run).select_related("evaluator_version__evaluator"):
            _keep(run, row, tallies.get(row.evaluator_version_id, Tally()))


def summaries_fill(*, most: int = 20) -> int:
    """Summarise ended runs that were not yet. One bad run does not stop the others. Returns how many were done."""
    waiting = RunEvaluator.objects.filter(summarised_at__isnull=True, run__state__in=ENDED)
    run_ids = list(waiting.order_by("-run_id").values_list("run_id", flat=True).distinct()[:most])
    n_done = 0
    for run in Run.objects.filter(pk__in=run_ids):
        try:
            run_summarise(run)
            n_done += 1
        except Exception:
            log.exception("Run %s could not be summarised.", run.pk)
    return n_done


def _keep(run: Run, row: RunEvaluator, tally: Tally) -> None:
    estimate = computed_estimate(run, row)
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
