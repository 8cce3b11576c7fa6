"""Redis, beat and workers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from llmops.core.selectors.health import seen_at
from llmops.core.selectors.readiness import redis_answers
from llmops.core.services import BEAT, WORKER
from llmops.doctor.findings import Finding, fail, ok, warn

SILENT_AFTER = timedelta(seconds=45)


def examine_redis() -> Finding:
    return redis(redis_answers())


def examine_processes() -> Iterator[Finding]:
    """What was last heard of beat and worker."""
    now, seen = timezone.now(), {name: seen_at(name) for name in (BEAT, WORKER)}
    yield beat(seen[BEAT], now=now)
    yield worker(seen[WORKER], beats=_is_fresh(seen[BEAT], now), now=now)


def redis(answers: bool) -> Finding:
    if answers:
        return ok("redis", "Redis answers.")
    text = "Redis does not answer. Pages and runs go on, slower to start; rate limits are kept by each worker alone."
    return warn("redis", text, "Start it, or mend REDIS_URL.")


def beat(seen: datetime | None, *, now: datetime) -> Finding:
    if _is_fresh(seen, now):
        return ok("beat", "Beat ticks.")
    what_to_do = "Start it with `llmops up`, or look at logs/beat.log."
    if seen is None:
        what_to_do += " If it has just been started, ask again in half a minute."
    return fail("beat", f"Beat was {_last_heard(seen, now)}.", what_to_do)


def worker(seen: datetime | None, *, beats: bool, now: datetime) -> Finding:
    if _is_fresh(seen, now):
        return ok("worker", "A worker takes work.")
    if not beats:
        return warn("worker", f"A worker was {_last_heard(seen, now)}; beat asks it.", "Mend beat first.")
    return fail(
        "worker", f"A worker was {_last_heard(seen, now)}.", "Start one with `llmops up`, or look at logs/worker.log."
    )


def _is_fresh(seen: datetime | None, now: datetime) -> bool:
    return seen is not None and now - seen < SILENT_AFTER


def _last_heard(seen: datetime | None, now: datetime) -> str:
    if seen is None:
        return "never heard of"
    return f"last heard of {(now - seen).total_seconds():.0f} s ago"
