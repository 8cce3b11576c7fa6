"""Migrations beside people at work: what holds a table holds up the migration, never the people behind it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from llmops.cli.migrations import apply_migrations
from llmops.cli.programs import CannotStart
from llmops.core.selectors.readiness import migrations_pending
from tests.jobs.processes import database_url
from tests.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def last_release() -> Iterator[None]:
    """The database lacks migrations that change the table of runs."""
    call_command("migrate", "evals_app", "0001", verbosity=0)
    yield
    call_command("migrate", verbosity=0)


@pytest.fixture
def reader(last_release: None) -> Iterator[psycopg.Connection]:
    """A long transaction that has read every table which a migration might want."""
    with psycopg.connect(database_url()) as other:
        for (name,) in other.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'evals_app_%'").fetchall():
            other.execute(f"SELECT 1 FROM {name} LIMIT 1")  # noqa: S608  names of Postgres
        yield other


def test_a_migration_tries_again_once_the_table_is_free(reader: psycopg.Connection) -> None:
    pauses: list[float] = []

    def let_go_the_second_time(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            reader.rollback()

    apply_migrations(lock_timeout="50ms", pause=let_go_the_second_time)
    assert pauses == [1.0, 2.0]
    assert migrations_pending() == []


def test_an_index_whose_making_was_broken_off_is_made_anew() -> None:
    def is_valid() -> bool | None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('result_unanswered')")
            found = cursor.fetchone()
            return None if found is None else bool(found[0])

    seen: list[bool | None] = []
    call_command("migrate", "evals_app", "0004", verbosity=0)
    with psycopg.connect(database_url()) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("SELECT 1")  # an old snapshot: an index that is made concurrently waits for it

        def end_it(_seconds: float) -> None:
            seen.append(is_valid())
            other.rollback()

        apply_migrations(lock_timeout="50ms", pause=end_it)
    assert (seen, is_valid()) == ([False], True)
    assert migrations_pending() == []


def test_djangos_own_table_of_sessions_is_gone_and_comes_back_with_the_last_release() -> None:
    def tables() -> set[str]:
        return set(connection.introspection.table_names()) & {"django_session", "core_signin"}

    assert tables() == {"core_signin"}
    call_command("migrate", "core", "0008", verbosity=0)
    assert tables() == {"core_signin", "django_session"}
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_session VALUES ('k', 'of an old release', now())")
    call_command("migrate", verbosity=0)
    assert tables() == {"core_signin"}


def test_a_table_that_never_gets_free_is_given_up_with_a_sentence(reader: psycopg.Connection) -> None:
    pauses: list[float] = []
    with pytest.raises(CannotStart, match=r"^a migration was kept waiting 3 times.*run this again\.$"):
        apply_migrations(lock_timeout="50ms", tries=3, pause=pauses.append)
    assert len(pauses) == 2
    assert migrations_pending() != []
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",), "whoever uses this session next waits as before"


def test_two_at_once_are_one_after_the_other(last_release: None) -> None:
    in_threads(*[partial(apply_migrations, tries=1)] * 3, within_s=60)
    assert migrations_pending() == []
