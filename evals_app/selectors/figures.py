"""What /metrics tells of runs: how many, what waits and since when, and what dead workers left behind."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from prometheus_client.metrics_core import Metric

from evals_app.choices import RunState
from llmops.metrics import gauge

# Counted by the runs, of which there are few; what is left of each is on its row.
_RUNS = """
    SELECT state, count(*), sum(n_results - n_finished) FILTER (WHERE state IN ('queued', 'running')) FROM evals_app_run
     GROUP BY state
"""
# ORDER BY position leads to the index of open rows, as in the claim.
_WAITING = """
    SELECT extract(epoch FROM now() - min(greatest(run.created_at, open.since))),
           count(*) FILTER (WHERE NOT EXISTS (
               SELECT 1 FROM evals_app_result AS leased
                WHERE leased.run_id = run.id AND leased.state = 'running' AND leased.lease_until >= now()))
      FROM evals_app_run AS run CROSS JOIN LATERAL (
           SELECT coalesce(lease_until, not_before) AS since FROM evals_app_result AS result
            WHERE result.run_id = run.id
              AND (result.state = 'pending' AND (result.not_before IS NULL OR result.not_before <= now())
                   OR result.state = 'running' AND result.lease_until < now())
            ORDER BY result.position LIMIT 1) AS open
     WHERE run.state IN ('queued', 'running')
"""
_LEASES = """
    SELECT count(*) FILTER (WHERE lease_until >= now()), count(*) FILTER (WHERE lease_until < now())
      FROM evals_app_result WHERE state = 'running'
"""


def run_figures() -> Iterator[Metric]:
    """Runs by state, and the state of the queue that their open results are."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNS)
        rows = cursor.fetchall()
        cursor.execute(_WAITING)
        oldest_s, n_idle = cursor.fetchone()
        cursor.execute(_LEASES)
        n_leased, n_expired = cursor.fetchone()
    by_state = {(state.value,): 0.0 for state in RunState} | {(state,): float(n) for state, n, _ in rows}
    n_open = sum(left or 0 for *_, left in rows)
    yield gauge("runs", "Runs by state.", by_state, ("state",))
    yield gauge("results_open", "Results of queued and running runs that are not finished.", {(): float(n_open)})
    yield gauge(
        "queue_age_seconds", "Since when the oldest result that could be worked on waits.", {(): float(oldest_s or 0)}
    )
    yield gauge("runs_idle", "Runs with work that could be done and that no worker holds.", {(): float(n_idle)})
    yield gauge("results_leased", "Results that a worker holds now.", {(): float(n_leased)})
    yield gauge(
        "leases_expired", "Results whose worker fell silent and that nobody took over yet.", {(): float(n_expired)}
    )
