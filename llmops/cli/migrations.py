"""Migrations that hold nobody up: they wait for a lock for seconds only, let everybody pass, and try again."""

import time
from collections.abc import Callable

import psycopg
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper

from llmops.cli.programs import CannotStart

_LOCK_TIMEOUT = "5s"  # who waits for a table stands in the way of all who come after
_TRIES = 10
_MOST_PAUSE_S = 15.0
_LOOK_AGAIN_S = 0.2
_KEY = "llmops migrations"


def apply_migrations(
    *, lock_timeout: str = _LOCK_TIMEOUT, tries: int = _TRIES, pause: Callable[[float], None] = time.sleep
) -> None:
    """Bring the database to this release. A second process that does the same waits for the first.

    A migration whose lock is not to be had is rolled back and tried again after a pause, `tries` times in all; those
    before it stay. Raises CannotStart.
    """
    with connection.cursor() as cursor:
        # Asked for until it is there, and not waited for: a statement that waits has a snapshot, and an index that the
        # first process makes concurrently waits for all of these.
        while not _locked(cursor):
            pause(_LOOK_AGAIN_S)
        try:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [lock_timeout])
            _try_again(tries, pause)
        finally:
            cursor.execute("SET lock_timeout = DEFAULT")
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [_KEY])


def _locked(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [_KEY])
    return bool(cursor.fetchone()[0])


def _try_again(tries: int, pause: Callable[[float], None]) -> None:
    for number in range(1, tries + 1):
        try:
            call_command("migrate", interactive=False, verbosity=0)
            return
        except OperationalError as failed:
            if not isinstance(failed.__cause__, psycopg.errors.LockNotAvailable):
                raise
            if number == tries:
                raise CannotStart(
                    f"a migration was kept waiting {tries} times, because another session holds what it must change"
                    f" ({failed.__cause__.diag.message_primary}). Nothing is half done. End long transactions, which"
                    " pg_stat_activity shows, and run this again."
                ) from failed
        pause(min(_MOST_PAUSE_S, 2.0 ** (number - 1)))
