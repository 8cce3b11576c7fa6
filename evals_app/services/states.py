"""Moving runs from state to state by conditional updates: whoever comes second changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection

_START = """
    UPDATE evals_app_run SET state = 'running', started_at = coalesce(started_at, now())
     WHERE id = %s AND state = 'queued'
"""
_FINISH = """
    UPDATE evals_app_run SET state = 'finished', finished_at = now(), reason = ''
     WHERE id = ANY(%s) AND state IN ('queued', 'running', 'stopping') AND n_finished >= n_results
"""
_STOP = """
    UPDATE evals_app_run AS run SET state = 'stopped', finished_at = now()
     WHERE run.id = ANY(%s) AND run.state = 'stopping'
       AND NOT EXISTS (SELECT 1 FROM evals_app_result AS leased
                        WHERE leased.run_id = run.id AND leased.state = 'running' AND leased.lease_until >= now())
"""
_STOP_AT_BUDGET = """
    UPDATE evals_app_run
       SET state = 'stopping',
           reason = format('Stopped at its budget of $%%s. Raise the budget to go on.',
                           to_char(budget_usd, 'FM9999999999990.009999'))
     WHERE id = ANY(%s) AND state IN ('queued', 'running') AND spent_usd >= budget_usd
"""
_FAIL = """
    UPDATE evals_app_run SET state = 'failed', reason = left(%s, 500), finished_at = now()
     WHERE id = %s AND state IN ('queued', 'running', 'stopping')
"""
_OPEN = """
    SELECT run.id FROM evals_app_run AS run LEFT JOIN core_connection AS asked ON asked.id = run.connection_id
     WHERE run.id = ANY(%s) AND run.state IN ('queued', 'running') AND asked.archived_at IS NULL
       AND NOT coalesce(run.spent_usd >= run.budget_usd, false)
"""


def run_start(run_id: int) -> None:
    """Note that work on a queued run has begun. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute(_START, [run_id])


def runs_settle(run_ids: Collection[int]) -> None:
    """Finish runs with nothing left and stop those whose last call in flight has ended. Commits by itself."""
    if not run_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [list(run_ids)])
        cursor.execute(_STOP, [list(run_ids)])


def runs_stop_at_budget(run_ids: Collection[int]) -> None:
    """Let those of the runs that have spent their budget start nothing more. Idempotent."""
    if run_ids:
        with connection.cursor() as cursor:
            cursor.execute(_STOP_AT_BUDGET, [list(run_ids)])


def run_fail(run_id: int, *, reason: str) -> None:
    """End a run that cannot be carried on as it is; what it has stays, and it can be resumed. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute(_FAIL, [reason, run_id])


def runs_closed(run_ids: Collection[int]) -> frozenset[int]:
    """Those of the runs for which nothing more may be sent now, also because they or their connection are gone."""
    with connection.cursor() as cursor:
        cursor.execute(*runs_open_sql(run_ids))
        return frozenset(run_ids) - {run_id for (run_id,) in cursor.fetchall()}


def runs_open_sql(run_ids: Collection[int]) -> tuple[str, list[Any]]:
    """The query, with its parameters, for those of the runs for which something may be sent now."""
    return _OPEN, [list(run_ids)]
