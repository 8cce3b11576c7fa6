"""Connections over REST: the contract, who may, and that no key comes back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from llmops.core.choices import Scope
from llmops.core.models import ApiKey, Connection
from llmops.core.services import api_key_revoke
from tests.core.factories import Api, Room, error_of, fields_of, make_connection, make_room

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]
KEY = "sk-live-0123456789-canary"
BODY = {"name": "Main", "vendor": "openai", "api_key": KEY, "requests_per_minute": 60}


def test_a_connection_is_made_and_its_key_is_never_returned(room: Room) -> None:
    api = room.api()
    made = api.post("connections/", BODY)
    assert made.status_code == 201
    assert made.json() == {
        "name": "Main",
        "vendor": "openai",
        "base_url": "",
        "api_key_hint": "nary",
        "default_model": "",
        "requests_per_minute": 60,
        "tokens_per_minute": None,
        "created_at": made.json()["created_at"],
    }
    for answer in (made, api.get("connections/"), api.get("connections/Main/")):
        assert KEY not in answer.content.decode()
    assert Connection.objects.get().created_by == room.admin


def test_changing_and_removing(room: Room) -> None:
    api = room.api()
    api.post("connections/", BODY)
    changed = api.put("connections/main/", {**BODY, "api_key": "", "default_model": "gpt-4o"})
    assert (changed.status_code, changed.json()["default_model"]) == (200, "gpt-4o")
    assert changed.json()["api_key_hint"] == "nary"
    assert api.delete("connections/Main/").status_code == 204
    assert api.get("connections/Main/").status_code == 404
    assert api.get("connections/").json() == {"results": [], "next": None}


def test_testing_says_how_it_went(room: Room) -> None:
    api = room.api()
    api.post("connections/", {"name": "Practice", "vendor": "practice"})
    tested = api.post("connections/Practice/test/")
    assert tested.status_code == 200
    assert tested.json()["ok"] is True
    assert "“echo” answered" in tested.json()["message"]
    api.post("connections/", {"name": "Bad", "vendor": "practice", "default_model": "ekko"})
    failed = api.post("connections/Bad/test/").json()
    assert (failed["ok"], failed["latency_ms"]) == (False, None)
    assert "ekko" in failed["message"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"vendor": "nobody"}, "vendor"),
        ({"api_key": ""}, "api_key"),
        ({"base_url": "http://169.254.169.254/latest"}, "base_url"),
        ({"base_url": "file:///etc/passwd"}, "base_url"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"tokens_per_minute": 10**12}, "tokens_per_minute"),
        ({"tokens_per_minute": "many"}, "tokens_per_minute"),
        ({"apikey": "x"}, "apikey"),
        ({"name": "nul\x00"}, "name"),
    ],
)
def test_a_wrong_field_is_named(room: Room, changes: dict[str, Any], field: str) -> None:
    answer = room.api().post("connections/", {**BODY, **changes})
    assert answer.status_code == 422
    assert fields_of(answer) == [field]
    assert KEY not in answer.content.decode()
    assert not Connection.objects.exists()


@pytest.mark.parametrize("body", [[], "text", 5, [{}]])
def test_a_body_that_is_no_object_is_refused(room: Room, body: Any) -> None:
    answer = room.api().post("connections/", body)
    assert answer.status_code in (400, 422)
    error_of(answer)


def test_broken_json_is_refused_with_a_sentence(room: Room) -> None:
    answer = Client().post(
        "/api/v1/connections/",
        "{",
        content_type="application/json",
        headers={"Authorization": f"Bearer {room.api().key}"},
    )
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "parse_error"


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_only_a_key_for_everything_changes_connections(room: Room, scope: Scope) -> None:
    make_connection(room.project, name="Main")
    api = room.api(scope)
    assert api.get("connections/").status_code == 200
    for answer in (
        api.post("connections/", BODY),
        api.put("connections/Main/", BODY),
        api.delete("connections/Main/"),
        api.post("connections/Main/test/"),
    ):
        assert answer.status_code == 403
        assert error_of(answer)["code"] == "permission_denied"
    assert Connection.objects.get().archived_at is None


def test_another_project_does_not_exist(room: Room) -> None:
    other = make_room()
    make_connection(other.project, name="Theirs")
    api = room.api()
    assert api.get("connections/").json()["results"] == []
    for answer in (
        api.get("connections/Theirs/"),
        api.put("connections/Theirs/", {**BODY, "name": "Mine"}),
        api.delete("connections/Theirs/"),
        api.post("connections/Theirs/test/"),
    ):
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "not_found"
    assert Connection.objects.get().name == "Theirs"


@pytest.mark.parametrize("key", ["", "nonsense", "llmops_00000000_wrong", "llmops__", "llmops_\xe9_x"])
def test_without_a_valid_key_nothing_is_answered(key: str) -> None:
    answer = Api(key).get("connections/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    error_of(answer)


def test_a_revoked_key_is_refused_at_once(room: Room) -> None:
    api = room.api()
    assert api.get("connections/").status_code == 200
    api_key_revoke(ApiKey.objects.get())
    assert api.get("connections/").status_code == 401


def test_pages_follow_each_other_without_gap_or_repeat(room: Room) -> None:
    for number in range(5):
        make_connection(room.project, name=f"n{number}")
    api, names, cursor = room.api(), [], ""
    while cursor is not None:
        answer = api.get(f"connections/?limit=2&cursor={cursor}").json()
        assert len(answer["results"]) <= 2
        names += [row["name"] for row in answer["results"]]
        cursor = answer["next"]
    assert names == ["n0", "n1", "n2", "n3", "n4"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=²", "limit=x", "limit=-1", "cursor=%00", "cursor=YWJj", "cursor=é"]
)
def test_odd_paging_is_refused(room: Room, query: str) -> None:
    answer = room.api().get(f"connections/?{query}")
    assert answer.status_code == 400
    error_of(answer)


def test_another_method_is_refused_in_the_same_form(room: Room) -> None:
    answer = room.api().delete("connections/")
    assert answer.status_code in (403, 405)
    error_of(answer)
