"""What changed between two versions, as a page."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from prompts_app.models import Prompt
from prompts_app.services import version_publish
from tests.core.factories import Room, make_connection
from tests.prompts_app.factories import content, make_prompt

pytestmark = pytest.mark.django_db


def compared(room: Room, prompt: Prompt, query: str = "") -> Any:
    return room.client.get(reverse("prompts:prompt-compare", args=[room.project.slug, prompt.name]) + query)


def test_words_messages_and_settings_that_changed_are_said_and_shown(room: Room) -> None:
    connection = make_connection(room.project)
    prompt = make_prompt(room.project, ("system", "Be kind."), ("user", "{{question}}"))
    version_publish(
        prompt,
        content=content(
            ("system", "Be kind and short."),
            ("user", "{{question}}"),
            ("assistant", "An example."),
            connection=connection,
            model="echo",
            output_schema={"type": "object"},
        ),
    )
    answer = compared(room, prompt)
    assert answer.context["sentence"] == (
        "One message rewritten, one message added, connection and model changed and the answer’s format changed."
    )
    text = unescape(answer.content.decode())
    assert "What changed from version 1 to 2?" in text
    assert "[added: </span> and short<" in text
    assert "not set" in text
    back = compared(room, prompt, "?from=2&to=1")
    assert "one message taken out" in back.context["sentence"]


def test_the_newest_change_is_shown_first_and_others_by_number(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "one"))
    for word in ("two", "three"):
        version_publish(prompt, content=content(("user", word)))
    answer = compared(room, prompt)
    assert (answer.context["old"].number, answer.context["new"].number) == (2, 3)
    assert (answer.context["earlier"], answer.context["later"]) == (1, None)
    assert compared(room, prompt, "?from=1&to=3").context["earlier"] is None
    assert compared(room, prompt, "?to=1").context["sentence"] == "Nothing changed: the two say the same."
    for query in ("?from=4", "?to=x", "?from=-1", "?to=0"):
        assert compared(room, prompt, query).status_code == 404


def test_texts_are_escaped_and_long_ones_folded(room: Room) -> None:
    text = "".join(f"line {n} <b>\n" for n in range(300))
    prompt = make_prompt(room.project, ("user", text))
    version_publish(prompt, content=content(("user", text.replace("line 150 ", "line <i> "))))
    page = compared(room, prompt).content.decode()
    assert "<i>" not in page
    assert "that stayed</summary>" in page


def test_the_number_of_queries_does_not_grow(room: Room, django_assert_max_num_queries: Any) -> None:
    prompt = make_prompt(room.project, ("user", "0"))
    for number in range(1, 60):
        version_publish(prompt, content=content(("user", str(number))))
    with django_assert_max_num_queries(12):
        assert compared(room, prompt, "?from=3&to=40").status_code == 200
