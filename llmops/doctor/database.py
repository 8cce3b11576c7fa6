"""Postgres: version, extensions, migrations, clock, connections, and whether stored keys can be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection
from django.utils import timezone

from llmops.core.encrypted import count_unreadable
from llmops.core.selectors.readiness import DatabaseDown, migrations_pending
from llmops.doctor.findings import Finding, fail, ok, warn

OLDEST_POSTGRES = 16
EXTENSIONS = {"vector": "pgvector", "pg_trgm": "the contrib package of Postgres"}
MOST_SKEW_S = 2.0
MOST_TAKEN = 0.8
_PATIENCE_S = 2


def examine_database() -> Iterator[Finding]:
    """Every finding about the database. Raises DatabaseDown when it does not answer."""
    _knock()
    pending = migrations_pending()
    yield version(_value("SELECT current_setting('server_version')"))
    yield from _extensions()
    yield migrations(pending)
    if not pending:
        yield keys(count_unreadable())
    before = timezone.now()
    there: datetime = _value("SELECT clock_timestamp()")
    yield clock((there - before - (timezone.now() - before) / 2).total_seconds())
    yield connections(
        _value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"),
        int(_value("SELECT current_setting('max_connections')")),
    )


def silent(down: DatabaseDown) -> Finding:
    reason = str(down.__cause__).splitlines()[0]
    return fail("database", f"Postgres does not answer ({reason}).", "Start it, or mend DATABASE_URL.")


def version(text: str) -> Finding:
    if int(text.split(".")[0]) < OLDEST_POSTGRES:
        return fail("database", f"Postgres {text} is too old.", f"Move to Postgres {OLDEST_POSTGRES} or newer.")
    return ok("database", f"Postgres {text} answers.")


def migrations(pending: list[str]) -> Finding:
    if pending:
        names = ", ".join(pending[:3]) + (" and more" if len(pending) > 3 else "")
        advice = "Run `llmops migrate`, or start the platform with `make up`."
        many = "1 is" if len(pending) == 1 else f"{len(pending)} are"
        return fail("migrations", f"{many} not applied: {names}.", advice)
    return ok("migrations", "All are applied.")


def keys(n_unreadable: int) -> Finding:
    if n_unreadable:
        what = "1 stored key" if n_unreadable == 1 else f"{n_unreadable} stored keys"
        return fail(
            "keys",
            f"{what} cannot be read: the encryption key with which it was stored is missing.",
            "Put the old key behind the new one in LLMOPS_FIELD_KEYS, or paste the vendors' keys again.",
        )
    return ok("keys", "Every stored key can be read.")


def clock(skew_s: float) -> Finding:
    if abs(skew_s) > MOST_SKEW_S:
        side = "behind" if skew_s > 0 else "ahead of"
        text = f"This machine is {abs(skew_s):.1f} s {side} the database."
        return warn("clock", text, "Let both keep time by NTP; leases use the database's clock, signatures do not.")
    return ok("clock", f"Within {MOST_SKEW_S:.0f} s of the database's.")


def connections(n: int, most: int) -> Finding:
    text = f"{n} of {most} are in use."
    if n > MOST_TAKEN * most:
        return warn("connections", text, "Raise max_connections of Postgres, or run fewer web and worker processes.")
    return ok("connections", text)


def _knock() -> None:
    """Connect once, past the pool: that one writes to the log why it cannot, and says only that it could not in time.
    Raises DatabaseDown."""
    try:
        psycopg.connect(**connection.get_connection_params() | {"connect_timeout": _PATIENCE_S}).close()
    except psycopg.Error as down:
        raise DatabaseDown from down


def _extensions() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_available_extensions WHERE name = ANY(%s)", [list(EXTENSIONS)])
        there = {name for (name,) in cursor.fetchall()}
    for name, package in EXTENSIONS.items():
        if name in there:
            yield ok("extensions", f"{name} is there.")
        else:
            yield warn("extensions", f"{name} is not there.", f"Install {package} on the database server.")


def _value(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
