"""What programs and the people behind them read when a call cannot be answered as asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from llmops.core.choices import Scope
from tests.core.factories import Room, error_of, make_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]


def test_a_call_without_a_key_is_told_how_to_send_one() -> None:
    answer = Client().get("/api/v1/connections/")
    assert (answer.status_code, error_of(answer)["code"]) == (401, "not_authenticated")
    assert "Authorization: Bearer <key>" in error_of(answer)["message"]


def test_a_method_that_an_address_does_not_know_is_not_taken_for_a_key_that_may_too_little(room: Room) -> None:
    answer = ask(room, "patch", "connections/")
    assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")
    assert "takes GET, POST and nothing else" in error_of(answer)["message"]
    assert "GET" in answer["Allow"]


def test_who_may_read_may_ask_for_the_head_alone(room: Room) -> None:
    make_connection(room.project, name="Main")
    answer = ask(room, "head", "connections/Main/", scope=Scope.READ)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("address", "type_wanted"), [("connections/", "application/json"), ("datasets/any/import/", "multipart/form-data")]
)
def test_another_type_of_content_is_answered_with_the_one_to_send(room: Room, address: str, type_wanted: str) -> None:
    room.api().post("datasets/", {"name": "any"})
    answer = ask(room, "post", address, data="a: 1", content_type="application/yaml")
    assert answer.status_code == 415
    assert error_of(answer)["message"] == f"Send this with the Content-Type {type_wanted}."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "Send a JSON object with fields here, not list."),
        ({"vendor": "practice"}, "name: This field is required."),
        ({"name": "A", "vendor": "google"}, "vendor: “google” is none of the choices. Send one of: openai, anthropic"),
        ({}, "2 fields are wrong. The first is name: This field is required."),
    ],
)
def test_the_sentence_alone_says_which_field_is_wrong(room: Room, body: Any, message: str) -> None:
    answer = room.api().post("connections/", body)
    assert answer.status_code == 422
    assert error_of(answer)["message"].startswith(message)


def test_a_wrong_part_of_a_list_is_named_by_its_place(room: Room) -> None:
    body = {"name": "p", "messages": [{"role": "user", "content": "x"}, "y"]}
    assert error_of(room.api().post("prompts/", body))["fields"][0]["field"] == "messages.1"


def ask(room: Room, method: str, address: str, *, scope: Scope = Scope.ALL, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {room.api(scope).key}"}
    return getattr(Client(), method)(f"/api/v1/{address}", headers=headers, **body)
