"""The schema of a backup: the very migrations that its database had, however much newer this release is."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

BOOKKEEPING = "django_migrations"

Migrations = list[tuple[str, str]]


def applied(cursor: Any) -> Migrations:
    """What was applied, in that order."""
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
    return [(app, name) for app, name in cursor.fetchall()]


def unknown(migrations: Migrations) -> list[str]:
    """Those that this release does not have."""
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return [f"{app}.{name}" for app, name in migrations if (app, name) not in known]


def make_tables(migrations: Migrations) -> None:
    """Apply exactly these to an empty database. No signal is sent: rows that Django makes come with the backup."""
    executor = MigrationExecutor(connection)
    nodes, wanted = executor.loader.graph.node_map, set(migrations)
    last = [key for key in migrations if not any(child.key in wanted for child in nodes[key].children)]
    executor.migrate(last)
