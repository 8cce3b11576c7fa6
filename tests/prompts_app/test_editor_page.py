"""The page of a prompt: reading versions, saving the next one, and two people at once."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from llmops.core.choices import Role
from llmops.core.services import connection_archive
from llmops.panels import register_prompt_action
from prompts_app.choices import PromptKind
from prompts_app.models import Prompt, PromptVersion
from prompts_app.selectors import latest_version
from prompts_app.services import version_publish
from tests.core.factories import Room
from tests.prompts_app.factories import content, make_prompt

pytestmark = pytest.mark.django_db


def address(prompt: Prompt, name: str = "prompt-detail") -> str:
    return reverse(f"prompts:{name}", args=[prompt.project.slug, prompt.name])


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def typed(*messages: tuple[str, str], base: int = 1, started: int = 1, **fields: Any) -> dict[str, Any]:
    """What the editor posts."""
    return {
        "role": [role for role, _ in messages],
        "content": [text for _, text in messages],
        "base_version": base,
        "started_from": started,
        "do": "save",
        **fields,
    }


def test_the_newest_version_is_opened_and_older_ones_by_number(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "first text"))
    version_publish(prompt, content=content(("user", "second text")), message="better", author=room.admin)
    text = text_of(room.client.get(address(prompt)))
    assert "second text" in text
    assert "Version 2, the newest" in text
    assert "Save as version 3" in text
    old = text_of(room.client.get(address(prompt) + "?version=1"))
    assert "first text" in old
    assert "You are looking at an older version." in old
    for query in ("?version=3", "?version=0", "?version=x", "?version=²", "?version=99999999999"):
        assert room.client.get(address(prompt) + query).status_code == 404


def test_a_text_that_begins_with_an_empty_line_survives_the_page(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "\n\nafter </textarea><b>{{x}}"))
    raw = room.client.get(address(prompt)).content.decode()
    found = re.search(r"<textarea[^>]*name=\"content\"[^>]*>\n(.*?)</textarea>", raw, re.DOTALL)
    assert found
    assert unescape(found[1]) == "\n\nafter </textarea><b>{{x}}"


def test_saving_makes_the_next_version_with_note_and_author(room: Room) -> None:
    room.practice()
    prompt = make_prompt(room.project)
    answer = room.client.post(
        address(prompt),
        typed(
            ("system", "Be brief."),
            ("user", "a\r\nb {{question}}"),
            connection="Practice",
            model="echo",
            temperature="0.2",
            max_tokens="50",
            message="shorter",
        ),
        follow=True,
    )
    assert "Version 2 is saved." in text_of(answer)
    version = latest_version(prompt)
    assert version.messages[1]["content"] == "a\nb {{question}}"
    assert (version.temperature, version.max_tokens, version.message) == (0.2, 50, "shorter")
    assert (version.connection.name, version.model, version.created_by) == ("Practice", "echo", room.admin)


def test_identical_content_is_said_and_not_saved(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "same"))
    answer = room.client.post(address(prompt), typed(("user", "same")), follow=True)
    assert "Nothing to save: this is exactly version 1." in text_of(answer)
    assert prompt.versions.count() == 1


def test_settings_without_a_field_are_kept(room: Room) -> None:
    room.practice()
    prompt = make_prompt(room.project, ("user", "one"), options={"top_p": 0.9}, output_schema={"type": "object"})
    assert "top_p" in text_of(room.client.get(address(prompt)))
    room.client.post(address(prompt), typed(("user", "two")))
    version = latest_version(prompt)
    assert (version.number, version.model_options, version.output_schema) == (
        2,
        {"top_p": 0.9},
        {"type": "object"},
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"content": ["{{ broken"]}, "Line 1, column 1: These braces are not closed"),
        ({"content": [" "]}, "Write at least one message."),
        ({"role": [], "content": []}, "Write at least one message."),
        ({"role": ["robot"]}, "A role is one of"),
        ({"content": ["x" * 1_000_001]}, "A prompt has at most 1,000,000 characters; this one has 1,000,001."),
        ({"content": ["nul \x00"]}, "a character that cannot be stored"),
        ({"temperature": "3"}, "a number from 0 to 2"),
        ({"temperature": "warm"}, "a number from 0 to 2"),
        ({"max_tokens": "0"}, "A whole number from 1 to"),
        ({"connection": "nowhere"}, "There is no such connection any more."),
        ({"model": "echo"}, "Choose the connection that this model belongs to."),
        ({"message": "x" * 301}, "at most 300 characters"),
    ],
)
def test_what_cannot_be_saved_is_said_and_kept_on_the_page(room: Room, fields: dict[str, Any], sentence: str) -> None:
    prompt = make_prompt(room.project)
    answer = room.client.post(address(prompt), {**typed(("user", "my text")), **fields})
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert [row.content for row in answer.context["form"].rows] == [
        text.replace("\r\n", "\n") for text in fields.get("content", ["my text"])
    ]
    assert prompt.versions.count() == 1


def test_every_broken_message_is_marked_at_its_place_and_once(room: Room) -> None:
    prompt = make_prompt(room.project)
    answer = room.client.post(address(prompt), typed(("system", "{{"), ("user", "ok"), ("user", "{{ }}")))
    form = answer.context["form"]
    assert [len(row.problems) for row in form.rows] == [1, 0, 1]
    assert len(form.non_field_errors()) == 1
    assert answer.context["found"].problems == []


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("add", ["a", "b", ""]),
        ("up-1", ["b", "a"]),
        ("down-0", ["b", "a"]),
        ("remove-0", ["b"]),
    ],
)
def test_messages_are_moved_without_javascript_and_nothing_is_saved(room: Room, do: str, expected: list[str]) -> None:
    prompt = make_prompt(room.project)
    answer = room.client.post(
        address(prompt), typed(("system", "a"), ("user", "b"), do=do, message="kept", temperature="0.7")
    )
    assert answer.status_code == 200
    form = answer.context["form"]
    assert [row.content for row in form.rows] == expected
    assert (form["message"].value(), form["temperature"].value()) == ("kept", "0.7")
    assert prompt.versions.count() == 1


def test_a_post_without_the_version_it_began_from_is_not_found(room: Room) -> None:
    prompt = make_prompt(room.project)
    for started in ("", "9", "x"):
        assert room.client.post(address(prompt), typed(("user", "x"), started=started)).status_code == 404


def test_the_live_list_of_variables_is_a_fragment_that_saves_nothing(room: Room) -> None:
    prompt = make_prompt(room.project)
    answer = room.client.post(
        address(prompt, "prompt-variables"),
        {"role": ["user"], "content": ["{{one}} {{two}} {three} {{"], "variable": ["one"], "value": ["typed"]},
        headers={"HX-Request": "true"},
    )
    text = text_of(answer)
    assert text.lstrip().startswith('<div class="variables" id="prompt-variables"')
    assert "Line 1, column 25: These braces are not closed" in text
    assert "{three} has single braces" in text
    assert 'id="prompt-values" hx-swap-oob="true"' in text
    assert "typed" in text
    assert "<html" not in text
    assert prompt.versions.count() == 1


def test_a_viewer_reads_without_buttons(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "the text"))
    text = text_of(room.member(Role.VIEWER).get(address(prompt)))
    assert "the text" in text
    assert '<fieldset class="stack" disabled>' in text
    assert "Save as version" not in text
    assert "Try it" not in text


def test_a_text_prompt_has_one_text_and_no_moving(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "Sum up {{text}}"), kind=PromptKind.TEXT)
    text = text_of(room.client.get(address(prompt)))
    assert 'data-do="add"' not in text
    assert 'name="role" value="user"' in text
    room.client.post(address(prompt), typed(("user", "Shorter: {{text}}")))
    assert latest_version(prompt).number == 2
    refused = room.client.post(address(prompt), typed(("user", "a"), ("user", "b"), base=2, started=2))
    assert refused.status_code == 422
    assert "A text prompt is one text." in text_of(refused)


def test_a_removed_connection_is_said_and_not_chosen_silently(room: Room) -> None:
    connection = room.practice()
    prompt = make_prompt(room.project, connection=connection, model="echo")
    connection_archive(connection)
    assert "has been removed" in text_of(room.client.get(address(prompt)))
    refused = room.client.post(address(prompt), typed(("user", "x"), model="echo"))
    assert "Choose the connection" in text_of(refused)
    assert PromptVersion.objects.count() == 1


def test_the_page_takes_few_queries_with_many_versions(room: Room, django_assert_max_num_queries: Any) -> None:
    prompt = make_prompt(room.project, author=room.admin)
    for number in range(40):
        version_publish(prompt, content=content(("user", f"text {number}")), author=room.admin)
    with django_assert_max_num_queries(12):
        text = text_of(room.client.get(address(prompt)))
    assert "Version 36" in text
    assert "Version 35<" not in text, "six are shown"


def test_upper_apps_put_buttons_on_the_page(room: Room) -> None:
    prompt = make_prompt(room.project)
    seen = []

    def action(found: Any, version: Any) -> tuple[str, str] | None:
        seen.append((found, version))
        return ("Send it up", "/somewhere/?version=1") if version.number == 1 else None

    register_prompt_action(action, key="test")
    try:
        text = text_of(room.client.get(address(prompt)))
        assert 'href="/somewhere/?version=1"' in text
        assert seen == [(prompt, latest_version(prompt))]
        version_publish(prompt, content=content(("user", "two")))
        assert "Send it up" not in text_of(room.client.get(address(prompt)))
    finally:
        register_prompt_action(lambda found, version: None, key="test")


def test_who_may_not_edit_is_told_who_may(room: Room) -> None:
    prompt = make_prompt(room.project)
    version_publish(prompt, content=content(("user", "another text")), author=room.admin)
    viewer = room.member(Role.VIEWER)
    assert "Someone with the role editor can change it" in text_of(viewer.get(address(prompt)))
    assert "Someone with the role editor" not in text_of(room.client.get(address(prompt)))
    old = text_of(viewer.get(address(prompt) + "?version=1"))
    assert "You are looking at an older version." in old
    assert "Saving a change" not in old


def test_a_long_note_of_a_version_does_not_push_the_text_off_the_page(room: Room) -> None:
    prompt = make_prompt(room.project)
    version_publish(prompt, content=content(("user", "another text")), message="long note " * 30, author=room.admin)
    text = text_of(room.client.get(address(prompt)))
    lead = text[text.index('class="lead"') : text.index("head-actions")]
    assert 1 < lead.count("long note") < 15
    assert lead.count("…") == 1
