"""Moving runs from state to state by conditional updates: whoever comes second changes nothing."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

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


def runs_settle(run_ids: Collection[int]) -> None:
    """Finish runs with nothing left and stop those whose last call in flight has ended. Commits by itself."""
    if not run_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [list(run_ids)])
        cursor.execute(_STOP, [list(run_ids)])
