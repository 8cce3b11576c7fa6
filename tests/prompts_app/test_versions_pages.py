"""All versions of a prompt, going back to one, copies, and undo of archiving."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from llmops.core.choices import Role
from prompts_app.models import Prompt
from prompts_app.selectors import latest_version, prompt_version, prompts_for_project
from prompts_app.services import version_publish
from tests.core.factories import Room, make_connection
from tests.prompts_app.factories import content, make_prompt

pytestmark = pytest.mark.django_db


def page(room: Room, name: str, prompt: Prompt) -> str:
    return reverse(f"prompts:{name}", args=[room.project.slug, prompt.name])


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def with_versions(room: Room, n: int) -> Prompt:
    prompt = make_prompt(room.project, ("user", "text 1"))
    for number in range(2, n + 1):
        version_publish(
            prompt, content=content(("user", f"text {number}")), message=f"note {number}", author=room.admin
        )
    return prompt


def test_all_versions_are_listed_page_by_page_in_few_queries(room: Room, django_assert_max_num_queries: Any) -> None:
    prompt = with_versions(room, 120)
    numbers: list[int] = []
    address = page(room, "prompt-versions", prompt)
    query = ""
    with django_assert_max_num_queries(36):
        while True:
            answer = room.client.get(address + query)
            numbers += [version.number for version in answer.context["page"].rows]
            query = answer.context["next_url"]
            if not query:
                break
    assert numbers == list(range(120, 0, -1))
    assert "note 71" in text_of(room.client.get(address + "?before=72"))
    assert room.client.get(address + "?before=x").context["page"].rows[0].number == 120
    assert "There are no older versions." in text_of(room.client.get(address + "?before=1"))


def test_an_old_version_becomes_the_newest_again_as_a_new_one(room: Room) -> None:
    connection = make_connection(room.project)
    prompt = make_prompt(room.project, ("user", "first"), connection=connection, model="echo", temperature=0.3)
    version_publish(prompt, content=content(("user", "second")))
    answer = room.client.post(page(room, "prompt-restore", prompt), {"number": 1}, follow=True)
    assert "Version 3 says what version 1 said." in text_of(answer)
    newest, first = latest_version(prompt), prompt_version(prompt, number=1)
    assert (newest.number, newest.message, newest.created_by) == (3, "Back to version 1", room.admin)
    for name in ("messages", "connection", "model", "temperature", "variables", "content_hash"):
        assert getattr(newest, name) == getattr(first, name)
    again = room.client.post(page(room, "prompt-restore", prompt), {"number": 1}, follow=True)
    assert "Nothing to do: version 3 says the same already." in text_of(again)
    assert prompt.versions.count() == 3
    for number in ("9", "x", ""):
        assert room.client.post(page(room, "prompt-restore", prompt), {"number": number}).status_code == 404


def test_a_copy_is_a_prompt_of_its_own_from_any_version(room: Room) -> None:
    prompt = make_prompt(room.project, ("user", "first"), name="Answer", tags=["cards"])
    version_publish(prompt, content=content(("user", "second")))
    address = page(room, "prompt-duplicate", prompt)
    assert 'value="Answer copy"' in text_of(room.client.get(address))
    room.client.post(address + "?version=1", {"name": "Other"})
    copy = Prompt.objects.get(project=room.project, name="Other")
    made = latest_version(copy)
    assert (made.number, made.messages[0]["content"], copy.tags) == (1, "first", ["cards"])
    assert made.message == "Copied from Answer, version 1"
    taken = room.client.post(address, {"name": "Other"})
    assert taken.status_code == 422
    assert "There is already a prompt called “Other”." in text_of(taken)
    assert room.client.post(address, {"name": ""}).status_code == 422
    assert room.client.post(address, {"name": "a/b"}).status_code == 422


def test_archiving_can_be_undone_from_the_page_that_follows(room: Room) -> None:
    prompt = make_prompt(room.project)
    answer = room.client.post(page(room, "prompt-archive", prompt), follow=True)
    back = page(room, "prompt-unarchive", prompt)
    assert f'action="{back}"' in answer.content.decode()
    assert "Undo" in text_of(answer)
    room.client.post(back)
    prompt.refresh_from_db()
    assert prompt.archived_at is None


def test_a_viewer_sees_versions_and_brings_none_back(room: Room) -> None:
    prompt = with_versions(room, 3)
    viewer = room.member(Role.VIEWER)
    assert "Bring back" not in text_of(viewer.get(page(room, "prompt-versions", prompt)))
    assert "Bring back" in text_of(room.client.get(page(room, "prompt-versions", prompt)))


@pytest.mark.parametrize(
    ("search", "is_found"),
    [
        ("SECOND text", True),
        ("first", False),  # only the newest version is searched
        ("content", False),  # a word of ours, not of theirs
        ('say "hi"', True),
        ("héllo", True),
        (".*", False),
        ("(", False),
        ("\x00second", True),
        ("a\\b", True),
        ("'; --", False),
    ],
)
def test_prompts_are_found_by_what_they_say(room: Room, search: str, is_found: bool) -> None:
    prompt = make_prompt(room.project, ("user", "first"), name="Name")
    version_publish(prompt, content=content(("system", "Be kind"), ("user", 'second text: say "hi" héllo a\\b')))
    assert [found.name for found in prompts_for_project(room.project, search=search)] == (["Name"] if is_found else [])
