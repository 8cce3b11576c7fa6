"""Prompts over REST: the contract word for word, who may, and requests that are sent twice."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from llmops.core.choices import Scope
from prompts_app.models import Prompt, PromptVersion
from tests.core.factories import Room, error_of, fields_of, make_room
from tests.prompts_app.factories import make_prompt
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
MESSAGES = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}}"}]
BODY: dict[str, Any] = {"name": "Answer", "messages": MESSAGES}


def test_a_chat_prompt_is_made_and_read(room: Room) -> None:
    room.practice()
    api = room.api()
    model = {"connection": "practice", "model": "echo", "temperature": 0.2, "max_tokens": 100, "seed": 7}
    body = {
        **BODY,
        "kind": "chat",
        "model": model,
        "output_schema": {"type": "object"},
        "message": "first",
        "tags": ["support"],
    }
    made = api.post("prompts/", body)
    assert made.status_code == 201
    shown = made.json()
    assert shown == {
        "name": "Answer",
        "kind": "chat",
        "version": 1,
        "messages": MESSAGES,
        "model": {**model, "connection": "Practice"},
        "output_schema": {"type": "object"},
        "variables": ["question"],
        "message": "first",
        "tags": ["support"],
        "created_at": shown["created_at"],
    }
    assert api.get("prompts/Answer/").json() == shown
    assert PromptVersion.objects.get().created_by == room.admin


def test_a_text_prompt_is_made_from_text(room: Room) -> None:
    made = room.api().post("prompts/", {"name": "Sum", "text": "  Sum up {{text}}\n"})
    assert made.status_code == 201
    assert (made.json()["kind"], made.json()["text"]) == ("text", "  Sum up {{text}}\n")
    assert made.json()["messages"] == [{"role": "user", "content": "  Sum up {{text}}\n"}]


def test_publishing_makes_versions_and_knows_its_own_content(room: Room) -> None:
    api = room.api()
    api.post("prompts/", BODY)
    second = {**BODY, "messages": [{"role": "user", "content": "two"}], "message": "shorter"}
    made = api.post("prompts/Answer/versions/", second)
    assert (made.status_code, made.json()["version"]) == (201, 2)
    again = api.post("prompts/Answer/versions/", {**second, "message": "said otherwise"})
    assert (again.status_code, again.json()["version"], again.json()["message"]) == (200, 2, "shorter")
    old = api.post("prompts/Answer/versions/", BODY)
    assert (old.status_code, old.json()["version"]) == (200, 1)


def test_versions_are_read_by_number_and_listed_newest_first(room: Room) -> None:
    api = room.api()
    api.post("prompts/", BODY)
    for text in ("two", "three"):
        api.post("prompts/Answer/versions/", {"messages": [{"role": "user", "content": text}]})
    assert api.get("prompts/Answer/").json()["version"] == 3
    assert api.get("prompts/Answer/?version=1").json()["messages"] == MESSAGES
    first = api.get("prompts/Answer/versions/?limit=2").json()
    assert [row["version"] for row in first["results"]] == [3, 2]
    rest = api.get(f"prompts/Answer/versions/?limit=2&cursor={first['next']}").json()
    assert ([row["version"] for row in rest["results"]], rest["next"]) == ([1], None)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("version=4", 404),
        ("version=0", 404),
        ("version=x", 400),
        ("version=-1", 400),
        ("version=²", 400),
        ("version=99999999999999999999", 400),
        ("environment=production", 404),
    ],
)
def test_a_version_that_is_not_there(room: Room, query: str, status: int) -> None:
    api = room.api()
    api.post("prompts/", BODY)
    answer = api.get(f"prompts/Answer/?{query}")
    assert answer.status_code == status
    error_of(answer)


def test_a_version_known_by_its_etag_is_not_sent_again(room: Room) -> None:
    api = room.api()
    api.post("prompts/", BODY)
    etag = api.get("prompts/Answer/")["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = api.get("prompts/Answer/", if_none_match=known)
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    assert api.get("prompts/Answer/", if_none_match='"other"').status_code == 200
    api.post("prompts/Answer/versions/", {"messages": [{"role": "user", "content": "two"}]})
    newer = api.get("prompts/Answer/", if_none_match=etag)
    assert (newer.status_code, newer.json()["version"]) == (200, 2)
    assert newer["ETag"] != etag
    assert api.get("prompts/Answer/?version=1", if_none_match=etag).status_code == 304


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "ok"}, {"role": "user", "content": "{{"}]}, "messages.1"),
        ({"messages": [{"role": "user", "content": "x" * 1_000_001}]}, "messages"),
        ({"messages": [{"role": "user", "content": "\x00"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages.0.content"),
        ({"text": "and messages"}, "messages"),
        ({"messages": None}, "messages"),
        ({"model": {"connection": "nowhere", "model": "m"}}, "model.connection"),
        ({"model": {"model": "m"}}, "model"),
        ({"model": {"temperature": 3}}, "temperature"),
        ({"model": {"max_tokens": 0}}, "max_tokens"),
        ({"model": {"max_tokens": 10**12}}, "max_tokens"),
        ({"model": {"stop": "\x00"}}, "model"),
        ({"model": "gpt"}, "model"),
        ({"output_schema": [1]}, "output_schema"),
        ({"output_schema": {"properties": {"a": {"type": "nope"}}}}, "output_schema"),
        ({"output_schema": {"a": "\x00"}}, "output_schema"),
        ({"kind": "song"}, "kind"),
        ({"kind": "text"}, "text"),
        ({"tags": ["x" * 61]}, "tags.0"),
        ({"message": "x" * 301}, "message"),
        ({"versoin": 1}, "versoin"),
    ],
)
def test_a_wrong_field_is_named(room: Room, changes: dict[str, Any], field: str) -> None:
    answer = room.api().post("prompts/", {**BODY, **changes})
    assert answer.status_code == 422, answer.content
    assert fields_of(answer) == [field]
    assert not Prompt.objects.exists()


@pytest.mark.parametrize("body", [[], [1], "text", 7, {}])
def test_a_body_that_is_no_prompt_is_refused(room: Room, body: Any) -> None:
    make_prompt(room.project, name="Answer")
    for path in ("prompts/", "prompts/Answer/versions/"):
        answer = room.api().post(path, body)
        assert answer.status_code == 422
        error_of(answer)


def test_a_taken_name_is_a_conflict(room: Room) -> None:
    api = room.api()
    api.post("prompts/", BODY)
    answer = api.post("prompts/", {**BODY, "message": "again"})
    assert answer.status_code == 409
    assert error_of(answer)["code"] == "name_taken"
    assert fields_of(answer) == ["name"]


def test_names_with_odd_letters_have_addresses(room: Room) -> None:
    api = room.api()
    for name in ("Antwort für Kunden", "a?b&c=d#e", "100 %", "日本", "new"):
        assert api.post("prompts/", {**BODY, "name": name}).status_code == 201
        assert api.get(f"prompts/{quote(name)}/").json()["name"] == name


def test_archiving_over_rest_keeps_the_versions(room: Room) -> None:
    api = room.api()
    api.post("prompts/", BODY)
    assert api.delete("prompts/Answer/").status_code == 204
    assert api.get("prompts/").json()["results"] == []
    assert api.get("prompts/Answer/?version=1").status_code == 200


def test_the_list_pages_through_all_prompts(room: Room, django_assert_max_num_queries: Any) -> None:
    for number in range(7):
        make_prompt(room.project, name=f"n{number}")
    make_prompt(make_room().project, name="foreign")
    api, names, cursor = room.api(), [], ""
    while cursor is not None:
        with django_assert_max_num_queries(6):
            answer = api.get(f"prompts/?limit=3&cursor={cursor}").json()
        names += [row["name"] for row in answer["results"]]
        cursor = answer["next"]
    assert names == [f"n{number}" for number in range(7)]
    assert set(answer["results"][0]) == {"name", "kind", "latest_version", "tags", "updated_at"}


def test_a_reading_key_reads_and_no_more(room: Room) -> None:
    make_prompt(room.project, name="Answer")
    api = room.api(Scope.READ)
    assert api.get("prompts/").status_code == 200
    assert api.get("prompts/Answer/versions/").status_code == 200
    for answer in (
        api.post("prompts/", {**BODY, "name": "Mine"}),
        api.post("prompts/Answer/versions/", BODY),
        api.delete("prompts/Answer/"),
    ):
        assert answer.status_code == 403
        assert error_of(answer)["code"] == "permission_denied"
    writing = room.api(Scope.WRITE)
    assert writing.post("prompts/", {**BODY, "name": "Mine"}).status_code == 201


def test_prompts_of_another_project_do_not_exist(room: Room) -> None:
    make_prompt(make_room().project, name="Theirs")
    api = room.api()
    for answer in (
        api.get("prompts/Theirs/"),
        api.get("prompts/Theirs/?version=1"),
        api.get("prompts/Theirs/versions/"),
        api.post("prompts/Theirs/versions/", BODY),
        api.delete("prompts/Theirs/"),
    ):
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "not_found"
    assert Prompt.objects.get().archived_at is None


def test_a_connection_of_another_project_cannot_be_used(room: Room) -> None:
    make_room().practice(name="Theirs")
    answer = room.api().post("prompts/", {**BODY, "model": {"connection": "Theirs", "model": "echo"}})
    assert answer.status_code == 422
    assert fields_of(answer) == ["model.connection"]


@pytest.mark.django_db(transaction=True)
def test_r8_fifty_times_at_once_with_one_key_make_one_prompt() -> None:
    api, answers = make_room().api(), []
    in_threads(*[lambda: answers.append(api.post("prompts/", BODY, idempotency_key="one"))] * 50, within_s=60)
    assert [answer.status_code for answer in answers] == [201] * 50
    first = answers[0].json()
    assert all(answer.json() == first for answer in answers), "every answer is the first one"
    assert (Prompt.objects.count(), PromptVersion.objects.count()) == (1, 1)
    other = api.post("prompts/", {**BODY, "name": "Other"}, idempotency_key="one")
    assert other.status_code == 409
    assert error_of(other)["code"] == "idempotency_key_reused"


@pytest.mark.django_db(transaction=True)
def test_the_same_request_at_once_without_a_key_makes_one_prompt_and_conflicts() -> None:
    api, statuses = make_room().api(), []
    in_threads(*[lambda: statuses.append(api.post("prompts/", BODY).status_code)] * 8, within_s=60)
    assert sorted(statuses) == [201, *[409] * 7]


def test_a_replayed_version_keeps_its_status(room: Room) -> None:
    api = room.api()
    api.post("prompts/", BODY)
    second = {"messages": [{"role": "user", "content": "two"}]}
    first = api.post("prompts/Answer/versions/", second, idempotency_key="v2")
    again = api.post("prompts/Answer/versions/", second, idempotency_key="v2")
    assert (first.status_code, again.status_code) == (201, 201), "replayed, not asked anew"
    assert again.json() == first.json()
