"""Pages that are not there or not allowed keep the frame that one was in, and lead back to where one came from."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import AsyncClient, Client

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


@pytest.mark.parametrize("address", ["prompts/some/archive/", "datasets/some/remove/", "runs/1/stop/"])
def test_the_address_of_a_button_says_so_and_leads_back(room: Room, address: str) -> None:
    answer = room.client.get(room.address + address)
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "There is nothing to look at here" in answer.content.decode()
    assert 'aria-label="Main"' in answer.content.decode()
    above = address.split("/")[0]
    assert ways_of(answer)[0] == (f"Go to {above.capitalize()}", f"{room.address}{above}/")


async def test_the_address_of_a_button_says_so_over_asgi() -> None:
    answer = await AsyncClient().get("/account/password/")
    assert answer.status_code == 302  # to sign in first
    answer = await AsyncClient().get("/sign-out/")
    assert (answer.status_code, "nothing to look at" in answer.content.decode()) == (405, True)


def test_programs_and_other_methods_are_told_by_the_code_alone(room: Room) -> None:
    assert b"nothing to look at" not in room.client.put(room.address).content
    assert b"nothing to look at" not in room.client.delete(f"{room.address}runs/1/stop/").content


def test_the_signed_out_see_no_frame() -> None:
    answer = Client().get("/no-such-page/")
    assert answer.status_code == 404
    assert 'aria-label="Main"' not in answer.content.decode()
    assert ways_of(answer) == [("Go to the start page", "/")]


def test_a_form_in_letters_that_are_not_read_is_refused_with_a_page() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies["csrftoken"] = "c" * 32
    answer = browser.generic("POST", "/sign-in/", b"x", content_type="application/x-www-form-urlencoded; charset=utf-7")
    assert answer.status_code == 400
    assert "This request could not be read" in answer.content.decode()
