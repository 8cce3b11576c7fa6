"""Two people edit one prompt at once: their changes meet on a page, and go together."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from prompts_app.models import Prompt
from prompts_app.selectors import latest_version
from prompts_app.services import version_publish
from tests.core.factories import Room, make_connection
from tests.prompts_app.factories import content, make_prompt

pytestmark = pytest.mark.django_db

BASE = "You answer customers of a bank.\nBe kind.\nNever lie."


def address(prompt: Prompt) -> str:
    return reverse("prompts:prompt-detail", args=[prompt.project.slug, prompt.name])


def typed(*messages: tuple[str, str], base: int = 1, do: str = "save", **fields: Any) -> dict[str, Any]:
    return {
        "role": [role for role, _ in messages],
        "content": [text for _, text in messages],
        "base_version": base,
        "started_from": base,
        "do": do,
        **fields,
    }


def messages_of(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in latest_version(prompt).messages]


def posted_from(answer: Any) -> dict[str, Any]:
    """The hidden fields of the page, as a browser sends them back."""
    context = answer.context
    return {
        "role": [row.role for row in context["rows"]],
        "content": [row.content for row in context["rows"]],
        **dict(context["kept"]),
        "started_from": context["base"].number,
        "theirs": context["theirs"].number,
    }


def test_changes_in_different_places_are_saved_together_as_the_next_version(room: Room) -> None:
    prompt = make_prompt(room.project, ("system", BASE), ("user", "{{question}}"))
    theirs = BASE.replace("Never lie.", "Never guess.")
    version_publish(prompt, content=content(("system", theirs), ("user", "{{question}}")), author=room.admin)
    mine = BASE.replace("Be kind.", "Be kind and short.")
    met = room.client.post(address(prompt), typed(("system", mine), ("user", "{{question}}"), message="shorter"))
    assert met.status_code == 409
    text = unescape(met.content.decode())
    assert "The two changes go together." in text
    assert prompt.versions.count() == 2, "nothing is saved by meeting"
    saved = room.client.post(address(prompt), posted_from(met) | {"do": "together-save"}, follow=True)
    assert "Version 3 is saved." in unescape(saved.content.decode())
    both = "You answer customers of a bank.\nBe kind and short.\nNever guess."
    assert messages_of(prompt) == [("system", both), ("user", "{{question}}")]
    assert latest_version(prompt).message == "shorter"


@pytest.mark.parametrize(
    ("choice", "line"), [("mine", "Be short."), ("theirs", "Be polite."), ("both", "Be polite.\nBe short.")]
)
def test_one_place_changed_by_both_asks_for_a_choice(room: Room, choice: str, line: str) -> None:
    prompt = make_prompt(room.project, ("user", BASE))
    version_publish(prompt, content=content(("user", BASE.replace("Be kind.", "Be polite."))), author=room.admin)
    met = room.client.post(address(prompt), typed(("user", BASE.replace("Be kind.", "Be short."))))
    conflict = next(part for part in met.context["parts"] if part.by == "conflict")
    posted = posted_from(met) | {"do": "together-save"}
    asked = room.client.post(address(prompt), posted)
    assert asked.status_code == 422
    assert "One place is not decided yet." in unescape(asked.content.decode())
    room.client.post(address(prompt), posted | {f"choice-{conflict.at}": choice})
    assert messages_of(prompt) == [("user", BASE.replace("Be kind.", line))]


def test_it_can_be_edited_first_and_a_third_person_is_met_as_well(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", BASE))
    version_publish(prompt, content=content(("user", BASE + "\nSecond.")), author=room.admin)
    met = room.client.post(address(prompt), typed(("user", "First.\n" + BASE)))
    edited = room.client.post(address(prompt), posted_from(met) | {"do": "together-edit"})
    form = edited.context["form"]
    assert form.rows[0].content == f"First.\n{BASE}\nSecond."
    assert form["base_version"].value() == "2"
    assert prompt.versions.count() == 2
    version_publish(prompt, content=content(("user", BASE + "\nSecond.\nThird.")), author=room.admin)
    again = room.client.post(address(prompt), posted_from(met) | {"do": "together-save"})
    assert again.status_code == 409
    assert again.context["theirs"].number == 3
    room.client.post(address(prompt), posted_from(again) | {"do": "together-save"})
    assert messages_of(prompt) == [("user", f"First.\n{BASE}\nSecond.\nThird.")]


def test_settings_go_together_too(room: Room) -> None:
    connection = make_connection(room.project)
    base = {"connection": connection, "model": "echo"}
    prompt = make_prompt(room.project, ("user", BASE), **base)
    theirs = content(("user", BASE), connection=connection, model="slow:5", temperature=0.5)
    version_publish(prompt, content=theirs, author=room.admin)
    mine = typed(("user", BASE), connection=connection.name, model="fixed:x", max_tokens="100")
    met = room.client.post(address(prompt), mine)
    assert {setting.name: setting.by for setting in met.context["settings"]} == {
        "model": "conflict",
        "temperature": "theirs",
        "max_tokens": "mine",
    }
    room.client.post(address(prompt), posted_from(met) | {"do": "together-save", "choice-model": "theirs"})
    newest = latest_version(prompt)
    assert (newest.number, newest.model, newest.temperature, newest.max_tokens) == (3, "slow:5", 0.5, 100)


def test_what_was_written_is_shown_escaped(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "a"))
    version_publish(prompt, content=content(("user", "<script>theirs</script>")), author=room.admin)
    met = room.client.post(address(prompt), typed(("user", "<script>mine</script>")))
    assert "<script>mine" not in met.content.decode()
    assert "<script>theirs" not in met.content.decode()


def test_a_meeting_with_a_version_that_is_not_there_is_not_found(room: Room) -> None:
    prompt = make_prompt(room.project)
    for theirs in ("9", "x", ""):
        posted = typed(("user", "mine"), do="together-save", theirs=theirs)
        assert room.client.post(address(prompt), posted).status_code == 404
