"""Doing one thing at a time, whichever process does it."""

from __future__ import annotations

from django.db import connection


def lock_until_commit(*names: str) -> None:
    """Wait for whoever holds one of these names, and hold them until the transaction ends. Always name them in the same
    order."""
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
