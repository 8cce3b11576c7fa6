"""The list of prompts, a new one, tags and the archive."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from llmops.core.choices import Role
from llmops.core.services import connection_test_record
from prompts_app.models import Prompt
from prompts_app.services import prompt_archive, version_publish
from prompts_app.views.prompts import PAGE_SIZE
from tests.core.factories import Room, make_room
from tests.prompts_app.factories import content, make_prompt

pytestmark = pytest.mark.django_db


def page(room: Room, name: str, *args: Any) -> str:
    return reverse(f"prompts:{name}", args=[room.project.slug, *args])


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def listed(room: Room, query: str = "") -> list[str]:
    answer = room.client.get(page(room, "prompt-list") + query)
    assert answer.status_code == 200
    return [prompt.name for prompt in answer.context["page"].rows]


def test_an_empty_list_offers_the_first_step(room: Room) -> None:
    text = text_of(room.client.get(page(room, "prompt-list")))
    assert "No prompt yet" in text
    assert "Write the first prompt" in text
    assert "Write the first prompt" not in text_of(room.member(Role.VIEWER).get(page(room, "prompt-list")))


def test_a_row_is_a_link_with_newest_version_author_and_tags(room: Room) -> None:
    prompt = make_prompt(room.project, name="Answer <b>", tags=["cards"])
    version_publish(prompt, content=content(("user", "two")), message="shorter answers", author=room.admin)
    answer = room.client.get(page(room, "prompt-list"))
    assert "Answer <b>" not in answer.content.decode(), "escaped"
    text = text_of(answer)
    for words in ("Answer <b>", "shorter answers", "Ana", "cards", page(room, "prompt-detail", "Answer <b>")):
        assert words in text


def test_search_tags_and_archive_narrow_the_list(room: Room) -> None:
    make_prompt(room.project, name="Answer", tags=["support"])
    make_prompt(room.project, name="Summary")
    prompt_archive(make_prompt(room.project, name="Old one"))
    assert listed(room) == ["Summary", "Answer"]
    assert listed(room, "?q=ANSW") == ["Answer"]
    assert listed(room, "?tag=support") == ["Answer"]
    assert listed(room, "?archived=1") == ["Old one"]
    assert listed(room, "?q=nothing") == []
    assert "No prompt fits" in text_of(room.client.get(page(room, "prompt-list") + "?q=nothing"))


def test_pages_lead_to_the_next_and_keep_the_search(room: Room) -> None:
    for number in range(PAGE_SIZE + 3):
        make_prompt(room.project, name=f"answer {number:03}")
    first = room.client.get(page(room, "prompt-list") + "?q=answer")
    older = first.context["older_url"]
    assert "q=answer" in older
    second = room.client.get(older)
    assert [prompt.name for prompt in second.context["page"].rows] == ["answer 002", "answer 001", "answer 000"]
    assert second.context["older_url"] == ""
    back = room.client.get(second.context["newer_url"])
    assert [p.name for p in back.context["page"].rows] == [p.name for p in first.context["page"].rows]


def test_the_list_takes_the_same_number_of_queries_however_many_there_are(
    room: Room, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_prompt(room.project, name=f"answer {number}", tags=[f"tag {number}"], author=room.admin)
    with django_assert_max_num_queries(9):
        room.client.get(page(room, "prompt-list"))


def test_a_new_prompt_has_both_messages_and_opens_in_the_editor(room: Room) -> None:
    room.practice()
    typed = {
        "name": "Answer",
        "system": "Be kind.\r\n",
        "user": "{{question}}",
        "connection": "Practice",
        "model": "echo",
        "tags": "a, b",
    }
    answer = room.client.post(page(room, "prompt-new"), typed)
    assert answer["Location"] == page(room, "prompt-detail", "Answer")
    prompt = Prompt.objects.get()
    version = prompt.versions.get()
    assert version.messages == [
        {"role": "system", "content": "Be kind.\n"},
        {"role": "user", "content": "{{question}}"},
    ]
    assert (version.model, version.connection.name, prompt.tags) == ("echo", "Practice", ["a", "b"])
    assert version.created_by == room.admin


def test_an_empty_message_is_left_out(room: Room) -> None:
    room.client.post(page(room, "prompt-new"), {"name": "Answer", "system": " \r\n", "user": "Hi {{x}}"})
    assert [part["role"] for part in Prompt.objects.get().versions.get().messages] == ["user"]


def test_the_form_starts_with_a_connection_that_answers(room: Room) -> None:
    broken = room.practice(name="A broken one")
    connection_test_record(broken, problem="No.")
    works = room.practice(name="Works", model="fixed:Hi")
    connection_test_record(works, problem="")
    form = room.client.get(page(room, "prompt-new")).context["form"]
    assert (form["connection"].value(), form["model"].value()) == ("Works", "fixed:Hi")
    assert form["model"].field.widget.attrs["list"] == f"models-{works.pk}"


def test_without_a_connection_one_may_write_and_is_told_where_to_connect(room: Room) -> None:
    text = text_of(room.client.get(page(room, "prompt-new")))
    assert "No model is connected yet." in text
    assert reverse("core:connection-list", args=[room.project.slug]) in text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"name": ""}, "Give it a name."),
        ({"name": "a/b"}, "A name may not contain a slash."),
        ({"name": "Taken"}, "There is already a prompt called “Taken”."),
        ({"system": "ok", "user": "{{ broken"}, "Line 1, column 1: These braces are not closed"),
        ({"system": "{{#a}}", "user": "ok"}, "Sections ({{#name}}) are not supported."),
        ({"system": "", "user": " "}, "Write at least one message."),
        ({"user": "x" * 1_000_001}, "A prompt has at most 1,000,000 characters"),
        ({"connection": "nowhere"}, "There is no such connection any more."),
        ({"model": "echo"}, "Choose the connection that this model belongs to."),
    ],
)
def test_what_is_wrong_with_a_new_prompt_is_a_sentence(room: Room, typed: dict[str, str], sentence: str) -> None:
    make_prompt(room.project, name="Taken")
    answer = room.client.post(page(room, "prompt-new"), {"name": "Answer", "user": "Hi", **typed})
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert Prompt.objects.count() == 1


def test_a_broken_message_is_said_at_that_message(room: Room) -> None:
    typed = {"name": "Answer", "system": "ok", "user": "{{ broken"}
    form = room.client.post(page(room, "prompt-new"), typed).context["form"]
    assert set(form.errors) == {"user"}
    assert form["user"].value() == "{{ broken", "nothing that was typed is lost"


def test_tags_are_changed_and_prompts_archived_and_brought_back(room: Room) -> None:
    prompt = make_prompt(room.project, name="Answer")
    room.client.post(page(room, "prompt-tags", "Answer"), {"tags": "new, tag"})
    prompt.refresh_from_db()
    assert prompt.tags == ["new", "tag"]
    assert "is archived" in text_of(room.client.post(page(room, "prompt-archive", "Answer"), follow=True))
    assert listed(room) == []
    shown = text_of(room.client.get(page(room, "prompt-list")))
    assert "All prompts are archived" in shown
    assert "New prompt" in shown
    assert "This prompt is archived." in text_of(room.client.get(page(room, "prompt-detail", "Answer")))
    room.client.post(page(room, "prompt-unarchive", "Answer"))
    assert listed(room) == ["Answer"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_readers_change_nothing(room: Room, role: Role) -> None:
    make_prompt(room.project, name="Answer")
    client = room.member(role)
    assert client.get(page(room, "prompt-list")).status_code == 200
    assert client.get(page(room, "prompt-new")).status_code == 403
    for name in ("prompt-detail", "prompt-tags", "prompt-archive", "prompt-unarchive", "prompt-variables"):
        assert client.post(page(room, name, "Answer")).status_code == 403, name
    for name in ("prompt-try", "prompt-sent"):
        assert client.post(page(room, name, "Answer")).status_code == 403, name


def test_prompts_of_another_project_do_not_exist(room: Room) -> None:
    other = make_room()
    make_prompt(other.project, name="Theirs")
    assert listed(room) == []
    assert room.client.get(page(other, "prompt-list")).status_code == 404
    for project in (room, other):
        assert room.client.get(page(project, "prompt-detail", "Theirs")).status_code == 404
        for name in (
            "prompt-detail", "prompt-tags", "prompt-archive", "prompt-unarchive", "prompt-variables",
            "prompt-sent", "prompt-try",
        ):  # fmt: skip
            assert room.client.post(page(project, name, "Theirs")).status_code == 404, name
    assert Prompt.objects.get().archived_at is None
