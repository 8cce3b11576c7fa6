"""Editing one cell in the list: what is saved, what two people do at once, and what works without scripts."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.datasets import cases_at
from evals_app.services.datasets import case_edit, cases_put, cases_remove, dataset_create
from llmops.core.choices import Role
from tests.core.factories import Room, make_room

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def dataset(room: Room) -> Dataset:
    dataset = dataset_create(project=room.project, name="cards")
    first = CaseRow(inputs={"q": "first", "p & q": "a\r\nb"}, expected="yes", tags=["a", "b, c"], metadata={"m": 1})
    cases_put(dataset, [first, CaseRow(inputs={"q": "second"}, expected="")])
    dataset.refresh_from_db()
    return dataset


def current(dataset: Dataset) -> list[CaseVersion]:
    dataset.refresh_from_db()
    return list(cases_at(dataset, revision=dataset.revision))


def address(room: Room, version: CaseVersion, field: str, **more: str) -> str:
    return f"{room.address}datasets/cards/cases/{version.case_id}/cell/?{urlencode({**more, 'field': field})}"


def save(room: Room, base: CaseVersion, field: str, text: str, **more: str) -> Any:
    form = {"base": str(base.pk), "text": text}
    return room.client.post(address(room, base, field, **more), form, headers=HTMX)


def test_a_cell_is_fetched_as_a_form_and_saved_with_undo(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    form = room.client.get(address(room, version, "in:p & q"), headers=HTMX).content.decode()
    assert '<textarea class="form-control" name="text"' in form
    assert f'name="base" value="{version.pk}"' in form
    assert ">\na\r\nb</textarea>" in form
    saved = save(room, version, "in:p & q", "a\r\nb\r\nc", q="first", tag="a")
    assert "a\nb\nc" in saved.content.decode()
    assert 'id="dataset-lead" hx-swap-oob="true">2 cases with 2 variables. Changed ' in saved.content.decode()
    assert "?to=2" in saved.content.decode()
    news = re.search(
        r'<div class="news" id="dataset-news" hx-swap-oob="true">(.*?)</div>', saved.content.decode(), re.S
    )
    assert news and not news[1].strip(), "what was stored before is no news any more"
    toast = json.loads(saved["HX-Trigger"])["toast"]
    assert toast["text"] == "Saved as revision 2."
    assert toast["undo"] == f"{room.address}datasets/cards/history/2/undo/?q=first&tag=a"
    now = current(dataset)[0]
    assert now.inputs == {"q": "first", "p & q": "a\nb\nc"}
    assert (now.expected, now.tags, now.metadata) == ("yes", ["a", "b, c"], {"m": 1})
    undone = room.client.post(toast["undo"])
    assert undone["Location"] == f"{room.address}datasets/cards/?q=first&tag=a"
    assert current(dataset)[0].inputs["p & q"] == "a\r\nb"


@pytest.mark.parametrize(
    ("field", "text"), [("in:q", "first"), ("in:p & q", "a\nb"), ("expected", "yes"), ("tags", "a, b, c")]
)
def test_saving_without_a_change_changes_nothing(room: Room, dataset: Dataset, field: str, text: str) -> None:
    saved = save(room, current(dataset)[0], field, text)
    assert saved.status_code == 200
    assert "HX-Trigger" not in saved
    dataset.refresh_from_db()
    assert dataset.revision == 1


def test_answers_and_tags_are_cells_too(room: Room, dataset: Dataset) -> None:
    save(room, current(dataset)[0], "expected", "")
    save(room, current(dataset)[0], "tags", "new, b; new")
    save(room, current(dataset)[1], "in:p & q", "now given")
    first, second = current(dataset)
    assert (first.expected, first.tags) == (None, ["new", "b"])
    assert (second.inputs, second.expected) == ({"q": "second", "p & q": "now given"}, "")


def test_what_others_changed_elsewhere_in_the_case_is_kept(room: Room, dataset: Dataset) -> None:
    base = current(dataset)[0]
    case_edit(base, CaseRow(inputs={"q": "theirs", "p & q": "a\r\nb"}, expected="theirs"))
    assert save(room, base, "in:p & q", "mine").status_code == 200
    now = current(dataset)[0]
    assert (now.inputs, now.expected) == ({"q": "theirs", "p & q": "mine"}, "theirs")


def test_two_people_in_one_cell_meet(room: Room, dataset: Dataset) -> None:
    base = current(dataset)[0]
    case_edit(base, CaseRow(inputs={"q": "theirs <b>", "p & q": "a\r\nb"}))
    met = save(room, base, "in:q", "mine")
    assert met.status_code == 422
    text = met.content.decode()
    assert "Somebody changed this meanwhile to:" in text
    assert "theirs &lt;b&gt;" in text
    assert ">\nmine</textarea>" in text
    assert current(dataset)[0].inputs["q"] == "theirs <b>"
    newer = re.findall(r'name="base" value="(\d+)"', text)[0]
    again = room.client.post(address(room, base, "in:q"), {"base": newer, "text": "mine"}, headers=HTMX)
    assert again.status_code == 200
    assert current(dataset)[0].inputs["q"] == "mine"
    shown = room.client.get(address(room, base, "in:q", shown="1"), headers=HTMX).content.decode()
    assert 'class="row-link' in shown


def test_both_writing_the_same_is_no_conflict(room: Room, dataset: Dataset) -> None:
    base = current(dataset)[0]
    case_edit(base, CaseRow(inputs={"q": "same", "p & q": "a\r\nb"}))
    assert save(room, base, "in:q", "same").status_code == 200
    assert dataset.revision == 1


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [("in:q", "second", "same inputs"), ("tags", "t" * 61, "too long"), ("expected", "a\x00b", "cannot be stored")],
)
def test_what_cannot_be_saved_is_said_in_the_cell(
    room: Room, dataset: Dataset, field: str, text: str, says: str
) -> None:
    cases_put(dataset, [CaseRow(inputs={"q": "third"})])
    version = current(dataset)[2]
    refused = save(room, version, field, text)
    assert refused.status_code == 422
    assert says in refused.content.decode()
    assert text.replace("\x00", "") in unescape(refused.content.decode()).replace("\x00", "")


def test_without_scripts_a_cell_leads_to_the_whole_case(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    answer = room.client.get(address(room, version, "in:q", q="fir"))
    assert answer["Location"] == f"{room.address}datasets/cards/?q=fir&case={version.case_id}"
    text = room.client.get(f"{room.address}datasets/cards/?q=fir").content.decode()
    assert text.count(f'href="{room.address}datasets/cards/?q=fir&amp;case={version.case_id}"') == 5


@pytest.mark.parametrize("field", ["", "in:", "in:nowhere", "key", "metadata", "expected2"])
def test_cells_that_are_not_there_are_404(room: Room, dataset: Dataset, field: str) -> None:
    version = current(dataset)[0]
    assert room.client.get(address(room, version, field), headers=HTMX).status_code == 404
    assert save(room, version, field, "x").status_code == 404


def test_a_case_that_was_taken_out_meanwhile_is_404(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    cases_remove(dataset, case_ids=[version.case_id])
    assert save(room, version, "in:q", "x").status_code == 404


def test_only_editors_edit(room: Room, dataset: Dataset) -> None:
    version, viewer = current(dataset)[0], room.member(Role.VIEWER)
    assert viewer.get(address(room, version, "in:q"), headers=HTMX).status_code == 403
    text = viewer.get(f"{room.address}datasets/cards/").content.decode()
    assert "data-cell-edit" not in text
    assert 'class="row-link' in text
    assert make_room().client.get(address(room, version, "in:q"), headers=HTMX).status_code == 404
