"""Pages that are not there or not allowed keep the frame that one was in, and lead back to where one came from."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from llmops.core.choices import Role
from tests.core.factories import Room, make_room, make_user, signed_in

pytestmark = pytest.mark.django_db


def ways_of(answer: Any) -> list[tuple[str, str]]:
    """The buttons in the middle of the page: their words and where they lead."""
    text = unescape(answer.content.decode())
    box = text[text.index('class="error-page"') :]
    return [(words, url) for url, words in re.findall(r'<a class="btn[^"]*" href="([^"]+)">([^<]+)</a>', box)]


@pytest.fixture
def room() -> Room:
    return make_room()


def test_a_prompt_that_is_gone_leads_back_to_the_prompts(room: Room) -> None:
    answer = room.client.get(f"{room.address}prompts/gone/")
    assert answer.status_code == 404
    assert 'aria-label="Main"' in answer.content.decode()
    assert ways_of(answer) == [
        ("Go to Prompts", f"{room.address}prompts/"),
        (f"Go to {room.project.name}", room.address),
    ]


def test_an_unknown_address_in_a_project_leads_back_to_it(room: Room) -> None:
    answer = room.client.get(f"{room.address}nothing-here/")
    assert answer.status_code == 404
    assert ways_of(answer) == [(f"Go to {room.project.name}", room.address)]


def test_what_a_role_may_not_open_keeps_the_frame(room: Room) -> None:
    answer = room.member(Role.VIEWER).get(f"{room.address}models/new/")
    assert answer.status_code == 403
    assert "The role viewer does not allow it." in answer.content.decode()
    assert ways_of(answer)[0] == ("Go to Models", f"{room.address}models/")


def test_a_project_of_others_looks_like_none(room: Room) -> None:
    stranger = signed_in(make_user(), make_room().project, Role.ADMIN)

    def seen(address: str) -> str:
        answer = stranger.get(address)
        assert answer.status_code == 404
        return re.sub(r'X-CSRFToken": "\w+|value="\w{64}"', "", answer.content.decode())

    assert seen(f"{room.address}prompts/gone/") == seen("/p/no-such-project/prompts/gone/")
    assert seen(f"{room.address}nothing-here/") == seen("/p/no-such-project/nothing-here/")


def test_the_signed_out_see_no_frame() -> None:
    answer = Client().get("/no-such-page/")
    assert answer.status_code == 404
    assert 'aria-label="Main"' not in answer.content.decode()
    assert ways_of(answer) == [("Go to the start page", "/")]
