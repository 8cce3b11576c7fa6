"""A database that cannot be had is no broken platform: 503, and when to ask again."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from django.db import connection, transaction
from psycopg_pool import PoolTimeout

from llmops.core import access
from tests.core.factories import make_room
from tests.postgres import freeze_in_transaction

pytestmark = pytest.mark.django_db(transaction=True)


def nobody_gets_in(*_: Any) -> NoReturn:
    raise PoolTimeout("couldn't get a connection after 10.00 sec")


def test_pages_and_the_api_say_so_and_work_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    room = make_room()
    api = room.api()
    with monkeypatch.context() as silent:
        connection.close()
        silent.setattr(connection, "get_new_connection", nobody_gets_in)
        page = room.client.get(room.address)
        call = room.client.get("/api/v1/prompts/", headers={"authorization": f"Bearer {api.key}"})
    assert (page.status_code, page["Retry-After"], call.status_code, call["Retry-After"]) == (503, "5", 503, "5")
    assert b"Try again in a few seconds" in page.content
    assert "Content-Security-Policy" in page.headers
    assert call.json()["error"]["code"] == "unavailable"
    assert room.client.get(room.address).status_code == 200


def test_a_process_that_was_frozen_in_a_transaction_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    room = make_room()
    actor_for_user = access.actor_for_user

    def frozen(*args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            freeze_in_transaction()
            return actor_for_user(*args, **kwargs)

    with monkeypatch.context() as still:
        still.setattr("llmops.core.access.actor_for_user", frozen)
        page = room.client.get(room.address)
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert room.client.get(room.address).status_code == 200


def test_other_errors_are_no_lack_of_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    room = make_room()
    room.client.raise_request_exception = False

    def broken(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("llmops.core.access.actor_for_user", broken)
    assert room.client.get(room.address).status_code == 500
