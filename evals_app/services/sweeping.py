"""What the tick looks at: rows, never messages."""

from __future__ import annotations

from django.db import connection, transaction

from evals_app.choices import ACTIVE_RUN_STATES
from evals_app.models import Run
from evals_app.services.states import runs_settle
from llmops.core.services import calls_orphan

_RELEASE = """
    UPDATE evals_app_result AS result SET state = 'pending', lease_owner = NULL, lease_until = NULL
      FROM evals_app_run AS run
     WHERE run.id = result.run_id AND run.state IN ('stopping', 'stopped', 'failed')
       AND result.state = 'running' AND result.lease_until < now()
    RETURNING result.id
"""
_WORK_WAITS = """
    SELECT EXISTS (
        SELECT 1 FROM evals_app_run AS run JOIN evals_app_result AS result ON result.run_id = run.id
         WHERE run.state IN ('queued', 'running')
           AND (result.state = 'pending' AND (result.not_before IS NULL OR result.not_before <= now())
                OR result.state = 'running' AND result.lease_until < now()))
"""


def runs_sweep() -> bool:
    """Tidy up and return whether work waits for a worker. Idempotent; several may run at once."""
    runs_tidy()
    with connection.cursor() as cursor:
        cursor.execute(_WORK_WAITS)
        return bool(cursor.fetchone()[0])


def runs_tidy() -> None:
    """Settle active runs, and take rows of runs that do not go on out of dead hands. Idempotent."""
    runs_settle(list(Run.objects.filter(state__in=ACTIVE_RUN_STATES).values_list("pk", flat=True)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_RELEASE)
        calls_orphan(result_ids=[result_id for (result_id,) in cursor.fetchall()])
