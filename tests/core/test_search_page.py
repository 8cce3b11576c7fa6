"""The search over everything in a project."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from llmops.core.choices import Role
from tests.core.factories import Room, make_connection, make_room, make_user, signed_in
from tests.evals_app.factories import make_world
from tests.prompts_app.factories import make_prompt

pytestmark = pytest.mark.django_db


def found(room: Room, text: str) -> dict[str, list[str]]:
    answer = room.client.get(reverse("core:search", args=[room.project.slug]), {"q": text})
    assert answer.status_code == 200
    return {group.label: [hit.label for hit in group.hits] for group in answer.context["groups"]}


def test_things_of_every_kind_are_found_by_name_and_number() -> None:
    world = make_world(n_cases=1)
    run = world.run()
    person = make_user()
    room = Room(world.project, person, signed_in(person, world.project, Role.VIEWER))
    assert found(room, world.dataset.name)["Datasets"] == [world.dataset.name]
    assert found(room, "ECHO")["Prompts"] == ["echo"]
    assert found(room, "echo")["Runs"] == ["echo, version 1, on “cases”"]
    assert found(room, str(run.pk))["Runs"] == ["echo, version 1, on “cases”"]
    assert found(room, "setti") == {"Pages": ["Settings"]}


def test_only_what_is_in_this_project_is_found(room: Room) -> None:
    other = make_room()
    make_prompt(other.project, name="Secret of others")
    make_connection(other.project, name="Secret connection")
    assert found(room, "secret") == {}
    assert "Nothing was found for “secret”" in unescape(
        room.client.get(reverse("core:search", args=[room.project.slug]) + "?q=secret").content.decode()
    )


def test_htmx_gets_the_list_alone_and_less_of_it(room: Room) -> None:
    for number in range(8):
        make_prompt(room.project, name=f"answer {number}")
    assert len(found(room, "answer")["Prompts"]) == 8
    address = reverse("core:search", args=[room.project.slug]) + "?q=answer"
    answer = room.client.get(address, headers={"HX-Request": "true"})
    assert answer.content.count(b'class="hit"') == 5
    assert b"<html" not in answer.content
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize("text", ["", " ", "\x00", "%", "_", "9" * 300, "<script>alert(1)</script>", "'; --"])
def test_any_text_is_answered_and_escaped(room: Room, text: str, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        answer = room.client.get(reverse("core:search", args=[room.project.slug]), {"q": text})
    assert answer.status_code == 200
    assert b"<script>alert" not in answer.content
