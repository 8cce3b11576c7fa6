"""Celery tasks of the core: housekeeping."""

from __future__ import annotations

from llmops.celery import app
from llmops.core.services import idempotency_sweep
from llmops.core.services.ledger import ledger_partitions_ensure


@app.task(name="core.sweep", time_limit=300, ignore_result=True)
def sweep(**_future: object) -> None:
    """Forget old idempotency keys and make the ledger's partitions of the months to come."""
    idempotency_sweep()
    ledger_partitions_ensure()
