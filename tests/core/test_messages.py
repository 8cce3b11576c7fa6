"""Several statements in one message: their order, what they return, all or none, and sessions that change."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import pytest
from django.db import DataError, connection, transaction

from llmops.core.services import Rows, Statements, messages

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _table() -> None:
    run("DROP TABLE IF EXISTS noted; CREATE TEMPORARY TABLE noted (n int)")


def run(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def note(message: Statements, n: int) -> None:
    message.add("INSERT INTO noted VALUES (%s)", [n])


def noted(message: Statements | None = None) -> list[int]:
    found = Rows()
    message = message or Statements()
    message.add("SELECT n FROM noted ORDER BY n", [], read=found.extend)
    message.send()
    return [n for (n,) in found]


def test_statements_run_in_order_and_see_what_those_before_them_did() -> None:
    message = Statements()
    note(message, 2)
    note(message, 1)
    assert noted(message) == [1, 2]
    message.send()  # what was sent is not sent again
    assert noted() == [1, 2]


def test_parameters_by_name_may_be_used_more_than_once() -> None:
    found, message = Rows(), Statements()
    message.add("SELECT %(a)s::int + %(b)s::int, %(a)s::int", {"b": 1, "unused": 7, "a": 4}, read=found.extend)
    message.send()
    assert found == [(5, 4)]


def test_a_message_is_all_or_nothing() -> None:
    message = Statements()
    note(message, 1)
    message.add("SELECT 1 / %s", [0])
    with pytest.raises(DataError):
        message.send()
    assert noted() == []


def test_within_a_transaction_it_is_a_part_of_that() -> None:
    with transaction.atomic():
        message = Statements()
        note(message, 1)
        message.send()
        transaction.set_rollback(True)
    assert noted() == []


def test_a_session_that_does_not_know_the_texts_runs_them_all_the_same() -> None:
    note(first := Statements(), 1)
    first.send()
    run("DEALLOCATE ALL")  # as after a pooler has given this client another session
    message = Statements()
    note(message, 2)
    assert noted(message) == [1, 2]


def test_a_session_that_has_such_a_name_already_runs_them_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_prepared", WeakKeyDictionary())
    run("DEALLOCATE ALL")
    for at in range(50):
        run(f"PREPARE llmops_{at} AS SELECT {at}")
    message = Statements()
    message.add("INSERT INTO noted VALUES (%s), (8)", [7])
    assert noted(message) == [7, 8]


def test_a_column_that_is_returned_may_change_its_type_meanwhile() -> None:
    note(first := Statements(), 1)
    assert noted(first) == [1]
    run("ALTER TABLE noted ALTER COLUMN n TYPE bigint")
    assert noted() == [1]
