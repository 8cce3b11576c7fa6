"""Whether this process could serve a page now."""

from __future__ import annotations

from functools import cache
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

_PATIENCE_S = 2.0


class DatabaseDown(Exception):
    """The database does not answer in time."""


def migrations_pending() -> list[str]:
    """Migrations that this release has and the database has not, as app.name. Raises DatabaseDown.

    Waits two seconds for a connection at most, also when all of the pool are taken.
    """
    applied = _applied()
    return [
        f"{app}.{name}"
        for (app, name), replaces in _known()
        if (app, name) not in applied and not (replaces and applied.issuperset(replaces))
    ]


def redis_answers() -> bool:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _applied() -> set[tuple[str, str]]:
    pool: Any = connection.pool  # type: ignore[attr-defined]
    try:
        pool.open()
        with pool.connection(timeout=_PATIENCE_S) as database:
            return set(database.execute("SELECT app, name FROM django_migrations").fetchall())
    except psycopg.errors.UndefinedTable:
        return set()
    except (psycopg.Error, DatabaseError) as down:
        raise DatabaseDown from down


@cache
def _known() -> list[tuple[tuple[str, str], list[tuple[str, str]]]]:
    """Every migration of the release, and those that it stands for."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return sorted((key, list(migration.replaces)) for key, migration in loader.disk_migrations.items())
