"""Requests that may be sent twice and must be done once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from llmops.core.models import IdempotencyRecord, Project

KEPT_FOR = timedelta(hours=24)


class Answer(NamedTuple):
    """Status and JSON body of an answer."""

    status: int
    body: Any


class KeyReused(Exception):
    """The same Idempotency-Key came with another request."""


def fingerprint(*parts: Any) -> str:
    """A hash of what was asked: method, path, body."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def answer_once(*, project: Project, key: str, asked: str, act: Callable[[], Answer]) -> Answer:
    """Do `act` once for this key and replay its answer to every later request with the same `asked`.

    One transaction holds the key's row, the work and the answer. A request that comes meanwhile waits at the
    unique constraint until the first has committed, then replays; when the first failed, nothing of it is
    left and the next one does the work. Raises KeyReused; what `act` raises goes through.
    """
    record_for_key = IdempotencyRecord.objects.filter(project=project, key=key)
    record_for_key.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            record = IdempotencyRecord.objects.create(project=project, key=key, fingerprint=asked)
            answer = act()
            record.status, record.body = answer
            record.save(update_fields=["status", "body"])
            return answer
    except IntegrityError:
        kept = record_for_key.first()
        if kept is None:  # the failed constraint was one of the work's own
            raise
    if kept.fingerprint != asked:
        raise KeyReused
    return Answer(kept.status, kept.body)


def idempotency_sweep(*, now: datetime | None = None) -> int:
    """Forget keys after 24 hours. Returns how many."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=(now or timezone.now()) - KEPT_FOR).delete()
    return deleted
