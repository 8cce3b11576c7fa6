"""The server behind the test database, beside what Django holds of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def operator() -> Iterator[psycopg.Connection[Any]]:
    """A connection to the server that is none of the platform's."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "sslmode")
    options = {name: parameters[name] for name in names if name in parameters}
    with psycopg.connect(dbname="postgres", autocommit=True, **options) as link:
        yield link


def freeze_in_transaction() -> None:
    """Lie still in the open transaction until Postgres has ended the session, as it does with a frozen process."""
    assert connection.in_atomic_block, "a session that is in no transaction is never ended for lying still"
    with connection.cursor() as cursor, operator() as link:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()
        while link.execute("SELECT FROM pg_stat_activity WHERE pid = %s", backend).rowcount:
            pass
