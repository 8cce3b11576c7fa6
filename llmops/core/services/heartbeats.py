"""Writing signs of life."""

from __future__ import annotations

from django.db import connection

WORKER = "worker"
BEAT = "beat"


def heartbeat(name: str) -> None:
    """Note that a process of this kind is alive now. One small statement; safe to call often."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_heartbeat (name, seen_at) VALUES (%s, clock_timestamp())"
            " ON CONFLICT (name) DO UPDATE SET seen_at = EXCLUDED.seen_at",
            [name],
        )
