"""R44: each migration goes forward and back over a database in use, and what it does not concern stays as it is.

How it waits for locks is in test_migrations.py; that the last release works with its tables, in
tests/architecture/test_migration_rules.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from llmops.core.selectors.readiness import migrations_pending
from tests.evals_app.factories import drive
from tests.security.tenants import make_tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

OURS = ("core", "prompts_app", "evals_app")
Node = tuple[str, str]


@pytest.fixture
def database_in_use() -> Iterator[None]:
    """A project with one of everything and a finished run; the newest tables again at the end."""
    make_tenant("r44")
    drive()
    yield
    call_command("migrate", verbosity=0)


def test_r44_each_migration_goes_back_and_forward_and_rows_of_others_stay(database_in_use: None) -> None:
    way = steps()
    assert len(way) >= 7
    seen = [counts()]
    assert seen[0]["evals_app_score"] == 1
    for node, before in reversed(way):
        migrate(before)
        assert node in migrations_pending_nodes()
        seen.append(counts())
    for (node, _), expected in zip(way, reversed(seen[:-1]), strict=True):
        migrate(node)
        found = counts()
        assert found.keys() == expected.keys(), node
        kept = expected.keys() & seen[-1].keys()
        assert {name: found[name] for name in kept} == {name: expected[name] for name in kept}, node
    assert migrations_pending() == []


def steps() -> list[tuple[Node, Node]]:
    """Each migration after the first of its app, with the one before it, in the order in which they are applied."""
    plan = MigrationExecutor(connection).loader.graph
    found = []
    for app in OURS:
        nodes = [node for node in plan.forwards_plan(plan.leaf_nodes(app)[0]) if node[0] == app]
        found += list(zip(nodes[1:], nodes, strict=False))
    return found


def migrate(to: Node) -> None:
    MigrationExecutor(connection).migrate([to])


def migrations_pending_nodes() -> set[Node]:
    executor = MigrationExecutor(connection)
    return set(executor.loader.disk_migrations) - set(MigrationRecorder(connection).applied_migrations())


def counts() -> dict[str, int]:
    """How many rows each table of ours has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace AND relname ~ %s",
            [f"^({'|'.join(OURS)})_"],
        )
        names = sorted(name for (name,) in cursor.fetchall())
        found = {}
        for name in names:
            cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608  a name of Postgres
            found[name] = cursor.fetchone()[0]
    return found
