"""R28: API keys are shown once, stored as a hash, end at once, and do what their scope says."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from llmops.core.choices import Scope
from llmops.core.models import ApiKey
from llmops.core.services import api_key_create, api_key_find
from tests.core.factories import Api, Room

pytestmark = pytest.mark.django_db
KEY = re.compile(r"llmops_[0-9a-f]{8}_[\w-]{43}")


def make(room: Room, **typed: str) -> tuple[str, str]:
    """The text of a key that was made on the page, and what the page said."""
    answer = room.client.post(
        f"{room.address}settings/api-keys/", {"name": "CI", "scope": "read", "lasts": "0", **typed}
    )
    assert answer.status_code == 201
    said = unescape(answer.content.decode())
    (text,) = set(KEY.findall(said))
    return text, said


def everything_stored() -> str:
    """All rows of all tables, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for name in tables:
            cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(name)} t")  # noqa: S608  names of Postgres
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)


def test_the_text_is_shown_once_and_stored_nowhere(room: Room) -> None:
    text, said = make(room)
    assert 'data-copy="' + text in said, "a button that copies it"
    secret = text.split("_", 2)[2]
    assert secret not in everything_stored()
    for path in ("settings/api-keys/", "settings/audit/", f"settings/api-keys/{ApiKey.objects.get().pk}/revoke/"):
        assert secret not in room.client.get(room.address + path).content.decode()


def test_a_revoked_key_is_refused_by_the_next_request(room: Room) -> None:
    text, _ = make(room)
    assert Api(text).get("prompts/").status_code == 200
    room.client.post(f"{room.address}settings/api-keys/{ApiKey.objects.get().pk}/revoke/")
    answer = Api(text).get("prompts/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("lasts", "days"), [("30", 30), ("90", 90), ("365", 365)])
def test_a_key_ends_when_it_was_said_to(room: Room, lasts: str, days: int) -> None:
    start = timezone.now()
    text, said = make(room, lasts=lasts)
    assert "It ends " in said
    with time_machine.travel(start + timedelta(days=days, minutes=-1)):
        assert Api(text).get("prompts/").status_code == 200
    with time_machine.travel(start + timedelta(days=days, minutes=1)):
        assert Api(text).get("prompts/").status_code == 401
        room.client.force_login(room.admin)
        assert "ended" in room.client.get(f"{room.address}settings/api-keys/").content.decode()


def test_a_key_lasts_until_it_is_revoked_unless_told_otherwise(room: Room) -> None:
    make(room)
    assert ApiKey.objects.get().expires_at is None
    assert room.client.post(
        f"{room.address}settings/api-keys/", {"name": "CI", "scope": "read", "lasts": "9999"}
    ).status_code == 422  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [(Scope.READ, [200, 403, 403]), (Scope.WRITE, [200, 422, 403]), (Scope.ALL, [200, 422, 422])],
)
def test_a_key_may_what_its_scope_says(room: Room, scope: Scope, statuses: list[int]) -> None:
    """One of each kind; every address is in the sweep of R24."""
    api = room.api(scope)
    asked = [api.get("prompts/"), api.post("prompts/", {}), api.post("connections/", {})]
    assert [answer.status_code for answer in asked] == statuses


def test_a_key_opens_no_page(room: Room) -> None:
    text, _ = make(room, scope="all")
    room.client.logout()
    answer = room.client.get(room.address, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 302


def test_secrets_are_compared_in_constant_time_whether_there_is_such_a_key_or_not(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = make(room)
    mark, prefix, secret = text.split("_", 2)
    compared: list[tuple[int, int]] = []
    really = hmac.compare_digest

    def counted(one: Any, other: Any) -> bool:
        compared.append((len(one), len(other)))
        return really(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    steps = []
    for wrong in (f"{mark}_{prefix}_{secret[:-1]}x", f"{mark}_{prefix}_x", f"{mark}_00000000_{secret}"):
        with CaptureQueriesContext(connection) as asked:
            assert api_key_find(wrong) is None
        steps.append(len(asked))
    assert compared == [(64, 64)] * 3, "hashes, so that not even the length of the secret shows"
    assert steps == [1, 1, 1]


@pytest.mark.parametrize(
    "text", ["llmops_0000\x000_x", "llmops_%_x", "llmops__x", "llmops_ABCDEF01_x", "llmops_" + "0" * 9000 + "_x", "x"]
)
def test_what_is_no_key_is_not_even_looked_up(text: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert api_key_find(text) is None
    assert len(asked) == 0


def test_secrets_are_long_and_all_different(room: Room) -> None:
    made = {api_key_create(project=room.project, name="CI", scopes=[Scope.READ]).text for _ in range(20)}
    assert len(made) == 20
    assert all(len(text.split("_", 2)[2]) >= 43 for text in made), "256 bits"
