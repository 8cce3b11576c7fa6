"""The process that sends the ticks, with a sign of life of its own."""

from __future__ import annotations

import logging
import time

import celery.beat
from django.db import DatabaseError, connection

from llmops.core.services import BEAT, heartbeat

log = logging.getLogger(__name__)

EVERY_S = 10.0


class Scheduler(celery.beat.Scheduler):
    """Remembers nothing on disk: what is due is in rows, and a file could be half written."""

    _said_at = float("-inf")

    def tick(self, *args: object, **kwargs: object) -> float:
        """Send what is due; tell how long there is nothing to do. A silent database stops no tick."""
        if time.monotonic() - self._said_at >= EVERY_S:
            self._said_at = time.monotonic()
            self._say()
        return min(float(super().tick(*args, **kwargs)), EVERY_S)

    def _say(self) -> None:
        try:
            heartbeat(BEAT)
        except DatabaseError as down:
            log.warning("Beat could not note that it lives: %s", down)
        finally:
            connection.close()
