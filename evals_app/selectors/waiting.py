"""Why is this waiting? Computed from rows and the limiter, never guessed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.utils import timezone

from evals_app.choices import ACTIVE_RUN_STATES, CLAIMABLE_RUN_STATES, RunState
from evals_app.models import Run
from evals_app.selectors.runs import run_evaluators
from llmops.core.models import Connection
from llmops.core.selectors import connection_limits, worker_seen_at

SILENT_AFTER = timedelta(seconds=45)


class Waiting(NamedTuple):
    """One thing that a run waits for: a code for programs, a sentence, and until when, if known."""

    code: str
    message: str
    until: datetime | None = None


def run_waiting(run: Run, *, now: datetime | None = None) -> list[Waiting]:
    """Everything that keeps an active run from going on at full speed now; empty when nothing does."""
    if run.state not in ACTIVE_RUN_STATES:
        return []
    now = now or timezone.now()
    found = [_no_worker(now), _stopping(run), *_limits(run, now), _retries(run, now), _turn(run)]
    return [waiting for waiting in found if waiting is not None]


def _no_worker(now: datetime) -> Waiting | None:
    seen_at = worker_seen_at()
    if seen_at is not None and now - seen_at < SILENT_AFTER:
        return None
    since = f"since {seen_at:%H:%M:%S} UTC" if seen_at else "yet"
    return Waiting("no_worker", f"No worker has been heard of {since}. Start one with “llmops up”, or look at its log.")


def _stopping(run: Run) -> Waiting | None:
    if run.state != RunState.STOPPING:
        return None
    return Waiting("calls_in_flight", "The calls in flight are awaited, then the run is stopped.")


def _limits(run: Run, now: datetime) -> list[Waiting]:
    """What holds back the connections that answer and judge."""
    if run.state not in CLAIMABLE_RUN_STATES:
        return []
    judges = [row.evaluator_version.connection for row in run_evaluators(run)]
    asked = {each.pk: each for each in (run.connection, *judges) if each is not None}
    found = [waiting for each in asked.values() for waiting in _limit_of(each, now)]
    return list({waiting.message: waiting for waiting in found}.values())


def _limit_of(row: Connection, now: datetime) -> list[Waiting]:
    limits = connection_limits(row)
    if not limits.known:
        return [Waiting("redis_down", "Redis cannot be reached, so rate limits are kept by each worker alone.")]
    if limits.paused_for_s > 0:
        until = now + timedelta(seconds=limits.paused_for_s)
        message = f"The vendor of “{row.name}” asked for a pause; calls go on in about {limits.paused_for_s:.0f} s."
        return [Waiting("connection_paused", message, until)]
    wait_s = max(limits.next_request_in_s, limits.next_tokens_in_s)
    if wait_s <= 0:
        return []
    what = "requests" if limits.next_request_in_s >= limits.next_tokens_in_s else "tokens"
    message = f"“{row.name}” is at its limit of {what} a minute; the next call may go out in about {wait_s:.0f} s."
    return [Waiting("rate_limit", message, now + timedelta(seconds=wait_s))]


def _retries(run: Run, now: datetime) -> Waiting | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), min(not_before) FROM evals_app_result"
            " WHERE run_id = %s AND state = 'pending' AND not_before > now()",
            [run.pk],
        )
        n_later, next_at = cursor.fetchone()
    if not n_later:
        return None
    cases = "1 case waits" if n_later == 1 else f"{n_later} cases wait"
    return Waiting("retry", f"{cases} for their turn; the next in {(next_at - now).total_seconds():.0f} s.", next_at)


def _turn(run: Run) -> Waiting | None:
    """Runs ahead matter only while every place of every worker is taken by them."""
    if run.state not in CLAIMABLE_RUN_STATES:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE run_id = %s), count(*), count(DISTINCT run_id) FROM evals_app_result"
            " WHERE state = 'running' AND lease_until >= now() AND NOT ahead",
            [run.pk],
        )
        own, everyone, n_runs = cursor.fetchone()
    if own or everyone < settings.MOST_IN_FLIGHT * settings.WORKER_PROCESSES:
        return None
    runs = "1 other run" if n_runs == 1 else f"{n_runs} other runs"
    return Waiting("runs_ahead", f"The workers are busy with {runs}; this one gets its share as calls end.")
