"""Prompts and versions: numbered without gaps, never changed, never made twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import Http404

from llmops.providers.base import Message
from prompts_app.choices import PromptKind
from prompts_app.models import Prompt, PromptVersion
from prompts_app.rendering import MissingVariable
from prompts_app.selectors import (
    latest_version,
    prompt_tags_in,
    prompt_version,
    prompt_versions,
    prompts_for_project,
)
from prompts_app.services import (
    NewerVersion,
    PromptNameTaken,
    PromptProblem,
    VersionContent,
    draft_request,
    prompt_archive,
    prompt_create,
    prompt_tag,
    prompt_unarchive,
    version_publish,
    version_request,
)
from prompts_app.services.prompts import MOST_CHARS
from tests.core.factories import make_room
from tests.prompts_app.factories import content, make_prompt
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def test_a_prompt_starts_with_version_1_and_its_variables_in_order() -> None:
    room = make_room()
    version = prompt_create(
        project=room.project,
        name="Answer",
        kind=PromptKind.CHAT,
        content=content(("system", "{{tone}} {{tone}}"), ("user", "{{question}} {{tone}}")),
        message="first",
        tags=["a", "b", "a"],
        author=room.admin,
    )
    assert (version.number, version.variables, version.message) == (1, ["tone", "question"], "first")
    assert version.prompt.tags == ["a", "b"]
    assert version.created_by == room.admin


def test_versions_are_numbered_and_the_same_content_is_the_same_version() -> None:
    prompt = make_prompt(make_room().project)
    second = version_publish(prompt, content=content(("user", "two")))
    assert (second.version.number, second.created) == (2, True)
    assert version_publish(prompt, content=content(("user", "two")), message="other note") == (
        second.version,
        False,
    )
    first_again = version_publish(prompt, content=content())
    assert (first_again.version.number, first_again.created) == (1, False)
    assert PromptVersion.objects.filter(prompt=prompt).count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.5},
        {"max_tokens": 10},
        {"options": {"seed": 1}},
        {"output_schema": {"type": "object"}},
        {"model": "fixed:Hi"},
    ],
)
def test_every_setting_makes_another_version(changes: dict[str, Any]) -> None:
    room = make_room()
    settings: dict[str, Any] = {"connection": room.practice(), "model": "echo"}
    prompt = make_prompt(room.project, **settings)
    assert version_publish(prompt, content=content(**{**settings, **changes})).created


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        (content(("user", "  ")), "messages", "at least one message"),
        (VersionContent([]), "messages", "at least one message"),
        (content(("robot", "hi")), "messages.0", "A role is one of"),
        (content(("system", "fine"), ("user", "a\nb {{ c")), "messages.1", "Line 2, column 3: These braces"),
        (content(("user", "x" * (MOST_CHARS + 1))), "messages", "1,000,001"),
        (content(("user", "nul \x00")), "messages.0", "cannot be stored"),
        (content(("user", "half \ud800")), "messages.0", "cannot be stored"),
        (content(("user", "hi"), model="echo"), "model", "Choose the connection"),
        (content(temperature=2.1), "temperature", "from 0 to 2"),
        (content(temperature=float("nan")), "temperature", "from 0 to 2"),
        (content(max_tokens=0), "max_tokens", "from 1"),
        (content(max_tokens=2**40), "max_tokens", "from 1"),
        (content(options={"stop": "\x00"}), "model", "cannot be stored"),
        (content(output_schema={"title": "\udfff"}), "output_schema", "cannot be stored"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(wrong: VersionContent, field: str, words: str) -> None:
    prompt = make_prompt(make_room().project)
    with pytest.raises(PromptProblem) as found:
        version_publish(prompt, content=wrong)
    assert found.value.field == field
    assert words in found.value.message
    assert prompt.versions.count() == 1


def test_text_with_emoji_backslashes_and_line_ends_is_kept_word_for_word() -> None:
    text = 'a\n\n  b \\u0000 \\{{ "😀" \t{{x}}\n'
    prompt = make_prompt(make_room().project, ("user", text))
    assert latest_version(prompt).messages[0]["content"] == text


def test_a_text_prompt_is_one_text() -> None:
    prompt = make_prompt(make_room().project, ("user", "Sum up {{text}}"), kind=PromptKind.TEXT)
    with pytest.raises(PromptProblem) as found:
        version_publish(prompt, content=content())
    assert found.value.field == "text"


@pytest.mark.parametrize("name", ["", " ", "a/b", "x" * 121, "tab\t", ".."])
def test_a_name_that_cannot_stand_in_an_address_is_refused(name: str) -> None:
    with pytest.raises(PromptProblem) as found:
        prompt_create(project=make_room().project, name=name, kind=PromptKind.CHAT, content=content())
    assert found.value.field == "name"
    assert not Prompt.objects.exists()


def test_a_name_is_taken_once_in_a_project() -> None:
    here, there = make_room().project, make_room().project
    prompt_archive(make_prompt(here, name="Answer"))
    with pytest.raises(PromptNameTaken):
        make_prompt(here, name="Answer")
    assert make_prompt(there, name="Answer").project == there


def test_an_editor_who_saw_an_older_version_is_told() -> None:
    room = make_room()
    prompt = make_prompt(room.project)
    version_publish(prompt, content=content(("user", "theirs")), author=room.admin, newest_seen=1)
    with pytest.raises(NewerVersion) as found:
        version_publish(prompt, content=content(("user", "mine")), newest_seen=1)
    assert (found.value.version.number, found.value.version.created_by) == (2, room.admin)
    assert version_publish(prompt, content=content(("user", "mine")), newest_seen=2).version.number == 3


def test_saving_what_the_other_saved_is_no_conflict() -> None:
    prompt = make_prompt(make_room().project)
    version_publish(prompt, content=content(("user", "same")))
    again = version_publish(prompt, content=content(("user", "same")), newest_seen=1)
    assert (again.version.number, again.created) == (2, False)


@pytest.mark.django_db(transaction=True)
def test_versions_published_at_once_have_numbers_without_gaps_and_no_twins() -> None:
    prompt = make_prompt(make_room().project)
    texts = [f"text {at % 4}" for at in range(8)]
    in_threads(*[lambda text=text: version_publish(prompt, content=content(("user", text))) for text in texts])
    assert list(prompt.versions.order_by("number").values_list("number", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_at_once_one_wins_and_one_is_told() -> None:
    prompt, told = make_prompt(make_room().project), []

    def save(text: str) -> None:
        try:
            version_publish(prompt, content=content(("user", text)), newest_seen=1)
        except NewerVersion as newer:
            told.append(newer.version.number)

    in_threads(lambda: save("one"), lambda: save("two"))
    assert told == [2]
    assert prompt.versions.count() == 2


def test_archiving_takes_a_prompt_out_of_the_list_and_back() -> None:
    project = make_room().project
    prompt = make_prompt(project)
    prompt_archive(prompt)
    assert not prompts_for_project(project).exists()
    assert list(prompts_for_project(project, archived=True)) == [prompt]
    prompt_unarchive(prompt)
    assert list(prompts_for_project(project)) == [prompt]


def test_the_list_says_what_the_newest_version_says() -> None:
    room = make_room()
    prompt = make_prompt(room.project)
    connection = room.practice()
    newest = content(connection=connection, model="echo")
    version_publish(prompt, content=newest, message="better", author=room.admin)
    row = prompts_for_project(room.project).get()
    assert (row.latest_number, row.latest_model, row.latest_message, row.latest_name) == (
        2,
        "echo",
        "better",
        "Ana",
    )


def test_search_finds_names_and_tags_and_not_other_projects() -> None:
    project = make_room().project
    make_prompt(project, name="Answer to customers", tags=["Support"])
    make_prompt(project, name="Summary", tags=["legal, old"])
    make_prompt(make_room().project, name="Answer of others", tags=["Support"])

    def names(**search: str) -> list[str]:
        return [prompt.name for prompt in prompts_for_project(project, **search)]

    assert names(search="CUSTOM") == ["Answer to customers"]
    assert names(search="suppo") == ["Answer to customers"]
    assert names(search="%") == []
    assert names(tag="legal, old") == ["Summary"]
    assert names(tag="legal") == []
    assert prompt_tags_in(project) == [("legal, old", 1), ("Support", 1)]


def test_tags_are_replaced() -> None:
    prompt = make_prompt(make_room().project, tags=["old"])
    prompt_tag(prompt, tags=["new", "newer", "new"])
    prompt.refresh_from_db()
    assert prompt.tags == ["new", "newer"]


def test_versions_are_read_newest_first_and_by_number() -> None:
    prompt = make_prompt(make_room().project)
    version_publish(prompt, content=content(("user", "two")))
    assert [version.number for version in prompt_versions(prompt)] == [2, 1]
    assert latest_version(prompt).number == 2
    assert prompt_version(prompt, number=1).number == 1
    for number in (0, 3, 10**9, 10**12):
        with pytest.raises(Http404):
            prompt_version(prompt, number=number)


def test_a_request_carries_texts_with_values_and_all_settings() -> None:
    room = make_room()
    prompt = make_prompt(
        room.project,
        connection=room.practice(),
        model="echo",
        temperature=0.3,
        max_tokens=50,
        options={"seed": 7, "top_p": 0.9, "stop": "END", "reasoning": "low"},
        output_schema={"type": "object"},
    )
    request = version_request(latest_version(prompt), inputs={"question": "Why {{braces}}?"})
    assert request.messages == (Message("system", "Be kind."), Message("user", "Why {{braces}}?"))
    assert (request.model, request.temperature, request.max_tokens) == ("echo", 0.3, 50)
    assert (request.seed, request.top_p, request.stop) == (7, 0.9, ("END",))
    assert request.extra == {"reasoning": "low"}
    assert request.output_schema == {"type": "object"}
    assert version_request(latest_version(prompt), inputs={"question": ""}, model="other").model == "other"


def test_a_draft_is_asked_as_the_saved_version_would_be(django_assert_num_queries: Any) -> None:
    room = make_room()
    settings: dict[str, Any] = {"connection": room.practice(), "model": "echo", "options": {"seed": 7}}
    version = latest_version(make_prompt(room.project, **settings))
    with django_assert_num_queries(0):
        draft = draft_request(content(**settings), inputs={"question": "Why?"})
    assert draft == version_request(version, inputs={"question": "Why?"})


def test_a_draft_with_mistakes_or_missing_values_is_not_asked() -> None:
    with pytest.raises(PromptProblem):
        draft_request(content(("user", "{{")), inputs={})
    with pytest.raises(MissingVariable) as found:
        draft_request(content(), inputs={"other": "x"})
    assert found.value.names == ["question"]
