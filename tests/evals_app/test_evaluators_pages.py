"""Pages of metrics: choosing a kind, settings without JSON, trying one, versions, roles."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evals_app.engine import KINDS
from evals_app.models import Evaluator, EvaluatorVersion
from evals_app.services.evaluators import evaluator_change, evaluator_create
from llmops.core.choices import Role
from tests.core.factories import Room, make_room

pytestmark = pytest.mark.django_db


def page(room: Room, path: str, client: Client | None = None) -> str:
    answer = (client or room.client).get(room.address + path)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def form_of(text: str) -> dict[str, Any]:
    """What the page's form would send as it stands: fields, ticked boxes, chosen options."""
    form = re.search(r'<form class="metric-form".*?</form>', text, re.DOTALL)
    assert form
    source = re.sub(r"<template.*?</template>", "", form[0], flags=re.DOTALL)
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", source):
        found = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if found.get("type") == "checkbox" and " checked" not in tag:
            continue
        sent[found["name"]] = unescape(found.get("value", "on" if found.get("type") == "checkbox" else ""))
    for name, value in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', source, re.DOTALL):
        sent[name] = unescape(value)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', source, re.DOTALL):
        chosen = re.findall(r'value="([^"]*)"[^>]* selected', options) or re.findall(r'value="([^"]*)"', options)
        sent[name] = unescape(chosen[0])
    return {name: value for name, value in sent.items() if name != "csrfmiddlewaretoken"}


def make(room: Room, kind: str, **changes: Any) -> Any:
    address = f"{room.address}new-metric/?kind={kind}"
    return room.client.post(address, form_of(room.client.get(address).content.decode()) | changes)


def version_of(name: str) -> EvaluatorVersion:
    return EvaluatorVersion.objects.filter(evaluator__name=name).order_by("-number")[0]


def test_the_chooser_goes_by_what_one_has_and_names_every_kind(room: Room) -> None:
    text = page(room, "new-metric/")
    for question in ("I know the correct answer", "I know what it must look like", "a model shall judge"):
        assert question in text
    assert sorted(re.findall(r"new-metric/\?kind=(\w+)", text)) == sorted(KINDS)
    assert room.client.get(f"{room.address}new-metric/?kind=colour").status_code == 404


@pytest.mark.parametrize("kind", ["exact", "contains", "numeric", "json_schema"])
def test_a_form_sent_as_it_came_has_the_settings_as_they_come(room: Room, kind: str) -> None:
    made = make(room, kind, name="x")
    assert made.status_code == 302, unescape(made.content.decode())
    assert version_of("x").config == {}


def test_no_form_asks_for_json_but_folded_away(room: Room) -> None:
    for kind in KINDS:
        text = page(room, f"new-metric/?kind={kind}")
        visible = re.sub(r"<details class=\"fold\">.*?</details>", "", text, flags=re.DOTALL)
        shown = re.sub(r"<[^>]+>|\\d\{\d\}", "", visible.split('class="metric-form"')[1])
        assert "{" not in shown, kind


def test_settings_become_config(room: Room) -> None:
    make(room, "contains", name="Facts", texts="1.5 %\r\n\r\n card \r\n", mode="any", whole_words="on")
    assert version_of("Facts").config == {"texts": ["1.5 %", "card"], "mode": "any", "whole_words": True}
    make(room, "numeric", name="Number", tolerance="0.5", margin="3")
    found = version_of("Number")
    assert (found.config, found.margin) == ({"tolerance": 0.5}, 3.0)
    make(room, "regex", name="Date", pattern=r" \d{4} ", ignore_case="on")
    assert version_of("Date").config == {"pattern": r" \d{4} ", "ignore_case": True}


def test_a_metric_says_in_a_sentence_what_it_does_and_which_version_is_next(room: Room) -> None:
    make(room, "exact", name="Same")
    text = page(room, "metrics/Same/")
    said = " ".join(re.sub(r"<[^>]+>", "", text.split('<p class="lead">')[1].split("</p>")[0]).split())
    assert said == (
        "Same as the expected answer: a fixed rule scores each answer as yes or no and needs the expected answer "
        "for that. Version 1, saved just now by you."
    )
    assert "Save as version 2</button>" in text


def test_a_judge_with_categories(room: Room) -> None:
    room.practice(name="judges")
    made = make(
        room, "rubric", name="Tone", question="Which tone?", scale="categories", categories="warm\ncool\nrude",
        good_categories="warm\ncool", connection="judges", model="echo",
    )  # fmt: skip
    assert made.status_code == 302
    found = version_of("Tone")
    assert found.config == {
        "question": "Which tone?", "scale": "categories", "categories": ["warm", "cool", "rude"],
        "good_categories": ["warm", "cool"],
    }  # fmt: skip
    assert (found.connection and found.connection.name, found.model) == ("judges", "echo")
    text = page(room, "metrics/")
    assert "one of 3 categories" in text
    assert "a model judges" in text
    assert "echo (judges)" in text


def test_a_table_of_fields_becomes_a_schema(room: Room) -> None:
    fields = {
        "fields-0-name": "label", "fields-0-type": "string", "fields-0-allowed": "refund, card",
        "fields-0-required": "on",
        "fields-1-name": "score", "fields-1-type": "number", "fields-1-allowed": "",
        "fields-2-name": "", "fields-2-type": "string", "fields-2-allowed": "", "fields-closed": "on",
    }  # fmt: skip
    base = {"name": "Form", "margin": "2", **fields}
    made = room.client.post(f"{room.address}new-metric/?kind=json_schema", base)
    assert made.status_code == 302
    assert version_of("Form").config["schema"] == {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": ["refund", "card"]}, "score": {"type": "number"}},
        "required": ["label"],
        "additionalProperties": False,
    }
    shown = form_of(room.client.get(f"{room.address}metrics/Form/").content.decode())
    assert (shown["fields-0-allowed"], shown["fields-1-name"], shown["fields-raw"]) == ("refund, card", "score", "")
    again = room.client.post(f"{room.address}metrics/Form/", shown, follow=True)
    assert "Nothing was changed" in again.content.decode()
    pasted = room.client.post(f"{room.address}metrics/Form/", shown | {"fields-raw": '{"type": "array"}'})
    assert pasted.status_code == 302
    assert version_of("Form").config["schema"] == {"type": "array"}
    assert '"type": "array"' in page(room, "metrics/Form/")
    for wrong, says in (("{", "This is not JSON"), ("[]", "begins with {"), ('{"type": "colour"}', "colour")):
        refused = room.client.post(f"{room.address}metrics/Form/", shown | {"fields-raw": wrong})
        assert refused.status_code == 422
        assert says in unescape(refused.content.decode())


@pytest.mark.parametrize(
    ("kind", "changes", "says"),
    [
        ("exact", {"name": "a/b"}, "may not contain a slash"),
        ("exact", {"name": ""}, "This field is required"),
        ("exact", {"margin": "200"}, "A number of points from 0 to 100."),
        ("regex", {"pattern": "(a"}, "opened and not closed"),
        ("regex", {}, "This field is required"),
        ("numeric", {"tolerance": "-1"}, "0 or more"),
        ("numeric", {"tolerance": "a"}, "Enter a number"),
        ("rubric", {"question": "q", "scale": "categories", "categories": "one"}, "at least two"),
        ("rubric", {"question": "q", "model": "echo"}, "Choose the connection"),
        ("rubric", {"question": "q", "connection": "nowhere"}, "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    room: Room, kind: str, changes: dict[str, str], says: str
) -> None:
    refused = make(room, kind, **({"name": "x"} | changes))
    assert refused.status_code == 422
    text = unescape(refused.content.decode())
    assert says in text, re.findall(r"field-errors.*?</div>", text, re.DOTALL)
    shown = form_of(refused.content.decode())
    assert {name: shown[name] for name in changes if name != "connection"} == {
        name: value for name, value in changes.items() if name != "connection"
    }
    assert not Evaluator.objects.exists()


def test_a_change_is_a_new_version_with_its_history(room: Room) -> None:
    evaluator_create(project=room.project, name="Correct", kind="exact", config={}, author=room.admin)
    address = f"{room.address}metrics/Correct/"
    form = form_of(room.client.get(address).content.decode())
    assert "name" not in form
    del form["ignore_case"]
    saved = room.client.post(address, form, follow=True)
    assert "Saved as version 2" in saved.content.decode()
    assert version_of("Correct").config == {"ignore_case": False}
    text = page(room, "metrics/Correct/")
    assert "Ignore capitals: no" in text
    assert "by you" in text
    same = room.client.post(address, form_of(room.client.get(address).content.decode()), follow=True)
    assert "Nothing was changed" in same.content.decode()


HTMX = {"HX-Request": "true", "HX-Target": "metric-mark"}


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_answer_is_marked_before_anything_is_saved(room: Room, headers: dict[str, str]) -> None:
    address = f"{room.address}new-metric/?kind=exact"
    form = form_of(room.client.get(address).content.decode()) | {"name": "", "do": "try", "ignore_case": "on"}
    tried = room.client.post(address, form | {"try-answer": "YES.", "try-expected": "yes"}, headers=headers)
    text = unescape(tried.content.decode())
    assert tried.status_code == 200
    assert "as expected" in text
    assert ("<html" in text) is (not headers)
    strict = {name: value for name, value in form.items() if name != "ignore_case"}
    refused = room.client.post(address, strict | {"try-answer": "YES.", "try-expected": "yes"}, headers=headers)
    assert "Expected “yes”" in unescape(refused.content.decode())
    assert not Evaluator.objects.exists()


def test_trying_with_wrong_settings_says_what_is_wrong(room: Room) -> None:
    address = f"{room.address}new-metric/?kind=regex"
    form = form_of(room.client.get(address).content.decode()) | {"do": "try", "try-answer": "x"}
    for pattern, says in (("", "Pattern"), ("(a", "Pattern")):
        tried = room.client.post(address, form | {"pattern": pattern}, headers=HTMX)
        assert tried.status_code == 200
        assert says in unescape(tried.content.decode())


@pytest.mark.django_db(transaction=True)
def test_a_judge_is_asked_when_tried(room: Room) -> None:
    room.practice(name="judges")
    address = f"{room.address}new-metric/?kind=rubric"
    form = form_of(room.client.get(address).content.decode())
    form |= {
        "question": "Polite?",
        "connection": "judges",
        "model": "fixed:Very.\nGrade: yes",
        "do": "try",
        "try-answer": "Hello",
    }
    tried = room.client.post(address, form, headers=HTMX)
    text = re.sub(r"<[^>]+>|\s+", " ", unescape(tried.content.decode()))
    assert " yes " in text
    assert "Very." in text


def test_the_list_takes_the_same_queries_however_long_it_is(room: Room) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert room.client.get(f"{room.address}metrics/").status_code == 200
        return len(captured)

    judge = room.practice(model="echo")
    evaluator_create(project=room.project, name="m", kind="rubric", config={"question": "q"}, connection=judge)
    few = queries()
    for number in range(10):
        made = evaluator_create(
            project=room.project, name=f"m {number}", kind="rubric", config={"question": "q"}, connection=judge
        )
        evaluator_change(made.evaluator, config={"question": "other"}, connection=judge)
    assert queries() == few


def test_an_unjudged_metric_and_a_removed_connection_are_pointed_out(room: Room) -> None:
    judge = room.practice(name="judges", model="echo")
    evaluator_create(project=room.project, name="nobody", kind="rubric", config={"question": "q"})
    evaluator_create(project=room.project, name="gone", kind="rubric", config={"question": "q"}, connection=judge)
    assert page(room, "metrics/").count("no model chosen") == 1
    room.api().delete("connections/judges/")
    assert page(room, "metrics/").count("no model chosen") == 2
    assert "The connection of the judge was removed" in page(room, "metrics/gone/")
    assert "answers stay unscored" in page(room, "metrics/nobody/")


def test_archiving_is_undone(room: Room) -> None:
    evaluator_create(project=room.project, name="Correct", kind="exact", config={})
    gone = room.client.post(f"{room.address}metrics/Correct/remove/", follow=True)
    assert "is archived" in gone.content.decode()
    assert "All metrics are archived" in page(room, "metrics/")
    assert "New metric" in page(room, "metrics/")
    assert "Correct" in page(room, "metrics/?archived=1")
    assert "metric-form" not in page(room, "metrics/Correct/")
    room.client.post(f"{room.address}metrics/Correct/restore/")
    assert "Correct" in page(room, "metrics/")


def test_an_archived_metric_is_not_changed(room: Room) -> None:
    made = evaluator_create(project=room.project, name="Correct", kind="exact", config={})
    form = form_of(room.client.get(f"{room.address}metrics/Correct/").content.decode())
    room.client.post(f"{room.address}metrics/Correct/remove/")
    del form["ignore_case"]
    assert room.client.post(f"{room.address}metrics/Correct/", form).status_code == 404
    assert made.evaluator.versions.count() == 1


def test_roles_and_other_projects(room: Room) -> None:
    evaluator_create(project=room.project, name="Correct", kind="contains", config={"texts": ["a & b"]})
    for role, expected in ((Role.VIEWER, 403), (Role.REVIEWER, 403), (Role.EDITOR, 200)):
        client = room.member(role)
        assert "“a & b”" in page(room, "metrics/Correct/", client) or expected == 200
        assert client.get(f"{room.address}metrics/").status_code == 200
        assert client.get(f"{room.address}new-metric/").status_code == expected
        if expected == 403:
            assert '<form class="metric-form"' not in page(room, "metrics/Correct/", client)
            for path in (
                "metrics/Correct/",
                "metrics/Correct/remove/",
                "metrics/Correct/restore/",
                "new-metric/?kind=exact",
            ):
                assert client.post(room.address + path).status_code == 403, path
    stranger = make_room().client
    for path in ("metrics/", "metrics/Correct/", "new-metric/"):
        assert stranger.get(room.address + path).status_code == 404
    for path in ("metrics/Correct/", "metrics/Correct/remove/", "metrics/Correct/restore/"):
        assert stranger.post(room.address + path).status_code == 404
    assert room.client.get(f"{room.address}metrics/nowhere/").status_code == 404


def test_hostile_texts_are_shown_as_texts(room: Room) -> None:
    hostile = "<script>alert(1)</script>\"'<img src=x onerror=alert(1)>"
    evaluator_create(project=room.project, name=hostile.replace("/", "|"), kind="rubric", config={"question": hostile})
    made = Evaluator.objects.get()
    answers = [room.client.get(f"{room.address}metrics/"), room.client.get(f"{room.address}metrics/{made.name}/")]
    for answer in answers:
        assert answer.status_code == 200
        assert b"<script>alert" not in answer.content
        assert b"<img src=x" not in answer.content
