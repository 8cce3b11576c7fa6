"""Celery tasks of evaluation: thin shells around services."""

from __future__ import annotations

import logging
import mmap

from asgiref.sync import async_to_sync
from celery.signals import worker_shutting_down
from django.conf import settings
from kombu.exceptions import OperationalError as BrokerDown

from evals_app.services.kept_files import kept_files_sweep
from evals_app.services.pump import PumpReport, runs_drive
from evals_app.services.summaries import summaries_fill
from evals_app.services.sweeping import runs_sweep
from llmops.celery import app
from llmops.core.services import WORKER, heartbeat
from llmops.core.services.limiter import open_limiter

log = logging.getLogger(__name__)

PUMP_S = 20
PUMP_MOST_S = 80
"""How long a pump goes on claiming when slow calls keep it from ending. It starts no call a minute after that, and a
call takes two minutes at most."""

_leaving = mmap.mmap(-1, 1)
"""A byte shared with the pool's processes, which are forked from here: 1 once the worker was told to stop."""


@worker_shutting_down.connect
def hand_work_back(**_signal: object) -> None:
    """Let pumps start no more calls, so that a worker that is told to stop does so within one call's time."""
    _leaving[0] = 1


@app.task(name="evals_app.drive_runs", time_limit=PUMP_MOST_S + 200, acks_late=False, ignore_result=True)
def drive_runs(**_future: object) -> None:
    """Drive all open runs for a while; if work is left, ask for another go behind other waiting tasks."""
    report = async_to_sync(_drive)()
    if report.more:
        nudge_workers(n=1)
    summaries_fill()


@app.task(name="evals_app.tick_runs", time_limit=30, ignore_result=True)
def tick_runs(**_future: object) -> None:
    """Recompute from rows what is left to do: settle runs, and nudge workers when claimable work waits."""
    heartbeat(WORKER)
    if runs_sweep():
        nudge_workers()
    summaries_fill()


@app.task(name="evals_app.sweep_uploads", time_limit=300, ignore_result=True)
def sweep_uploads(**_future: object) -> None:
    """Take away uploaded files that nobody imported within a day."""
    kept_files_sweep()


def nudge_workers(n: int | None = None) -> None:
    """Ask the workers to look for work, once each. A nudge that gets lost is made good by the tick."""
    try:
        for _ in range(n or settings.WORKER_PROCESSES):
            drive_runs.apply_async(expires=PUMP_S)
    except BrokerDown as down:
        log.warning("Redis cannot be reached, so workers were not told of new work; the tick will find it: %s", down)


async def _drive() -> PumpReport:
    async with open_limiter() as limiter:
        return await runs_drive(limiter=limiter, for_s=PUMP_S, at_most_s=PUMP_MOST_S, leaving=lambda: _leaving[0] == 1)
