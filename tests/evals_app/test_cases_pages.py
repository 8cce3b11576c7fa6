"""Typing several cases, and editing one at the side of the list."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.datasets import cases_at
from evals_app.services.datasets import case_edit, cases_put, cases_remove, dataset_create
from llmops.core.choices import Role
from tests.core.factories import Room

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(room: Room) -> Dataset:
    dataset = dataset_create(project=room.project, name="cards")
    cases_put(
        dataset,
        [
            CaseRow(inputs={"question": "first", "product": "card"}, expected="yes", tags=["a", "b"]),
            CaseRow(key="K2", inputs={"question": "second\r\nline"}, metadata={"source": "chat"}),
        ],
    )
    dataset.refresh_from_db()
    return dataset


def current(dataset: Dataset) -> list[CaseVersion]:
    dataset.refresh_from_db()
    return list(cases_at(dataset, revision=dataset.revision))


def grid(*rows: tuple[str, ...]) -> dict[str, str]:
    form = {"cases-TOTAL_FORMS": str(len(rows))}
    return form | {f"cases-{at}-{column}": text for at, row in enumerate(rows) for column, text in enumerate(row)}


def form_of(text: str) -> dict[str, str]:
    """What the panel's form would send as it stands."""
    form = re.search(r'<form class="panel-part fields".*?</form>', text, re.DOTALL)
    assert form, text[:300]
    inputs = re.findall(r'<input[^>]*name="([^"]+)"(?:[^>]*value="([^"]*)")?', form[0])
    areas = re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form[0], re.DOTALL)
    found = {name: unescape(value) for name, value in inputs + areas if name != "csrfmiddlewaretoken"}
    return {name: value.replace("\r\n", "\n").replace("\n", "\r\n") for name, value in found.items()}


def panel(room: Room, version: CaseVersion, **headers: str) -> str:
    answer = room.client.get(f"{room.address}datasets/cards/?case={version.case_id}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def save(room: Room, version: CaseVersion, form: dict[str, str], **headers: str) -> Any:
    return room.client.post(f"{room.address}datasets/cards/cases/{version.case_id}/", form, headers=headers)


HTMX = {"HX-Request": "true", "HX-Target": "case-panel"}


def test_typed_rows_become_cases_and_empty_ones_do_not(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    address = f"{room.address}datasets/cards/add/?columns=question,%20product"
    assert "Name of" not in room.client.get(address).content.decode()
    rows = [("Wie?", "card", "So.", "x, y;z"), ("", "", "", ""), (" ", "", "", ""), ("a\r\nb", "", "", "")]
    done = room.client.post(address, grid(*rows))
    assert done["Location"] == f"{room.address}datasets/cards/?imported=1&same=0"
    first, second = current(dataset)
    assert (first.inputs, first.expected, first.tags) == (
        {"question": "Wie?", "product": "card"},
        "So.",
        ["x", "y", "z"],
    )
    assert (second.inputs, second.expected) == ({"question": "a\nb", "product": ""}, None)
    assert "2 added" in room.client.get(done["Location"]).content.decode()


def test_a_case_without_a_question_is_stored_and_said(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    address = f"{room.address}datasets/cards/add/?columns=question,%20product"
    said = unescape(
        room.client.post(address, grid(("", "card", "", ""), ("a", "", "", "")), follow=True).content.decode()
    )
    assert said.count("1 of the cases is without a text in “question”.") == 1
    toasts = said[: said.index('<template id="toast-shape">')]
    assert "data-toast>" not in toasts, "it stands where the page says what was stored"
    dataset.refresh_from_db()
    without, version = current(dataset)
    assert without.inputs == {"question": "", "product": "card"}
    form = form_of(panel(room, version))
    unchanged = save(room, version, form, **HTMX)
    assert "without a text" not in json.loads(unchanged["HX-Trigger"])["toast"]["text"]
    emptied = save(room, version, form | {"in_0": " ", "in_1": "loan"}, **HTMX)
    assert json.loads(emptied["HX-Trigger"])["toast"]["text"].endswith("It is without a text in “question”.")


def test_typing_what_is_there_says_so(room: Room, dataset: Dataset) -> None:
    address = f"{room.address}datasets/cards/add/"
    done = room.client.post(address, grid(("first", "card", "yes", "a, b", "")), follow=True)
    assert "are in the dataset already" in done.content.decode()
    dataset.refresh_from_db()
    assert dataset.revision == 1


def test_a_wrong_row_is_marked_and_nothing_typed_is_lost(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    address = f"{room.address}datasets/cards/add/"
    rows = [("right", "", ""), ("", "", ""), ("", "only an answer", ""), ("right", "twice", ""), ("x", "", "t" * 61)]
    refused = room.client.post(address, grid(*rows))
    assert refused.status_code == 422
    text = unescape(refused.content.decode())
    for typed in ("right", "only an answer", "twice", "t" * 61):
        assert f">\n{typed}</textarea>" in text
    assert text.count('aria-invalid="true"') == 3
    assert "Fill in at least one variable" in text
    assert current(dataset) == []


@pytest.mark.parametrize("total", ["", "x", "0", "-1", "99999999"])
def test_odd_numbers_of_rows_are_refused(room: Room, dataset: Dataset, total: str) -> None:
    answer = room.client.post(f"{room.address}datasets/cards/add/", {"cases-TOTAL_FORMS": total})
    assert answer.status_code == 422
    assert len(current(dataset)) == 2


def test_too_many_rows_are_sent_to_the_import(room: Room, dataset: Dataset) -> None:
    answer = room.client.post(f"{room.address}datasets/cards/add/", {"cases-TOTAL_FORMS": "2001"})
    assert "more than 2,000 rows" in answer.content.decode()


def test_saving_without_a_change_changes_nothing(room: Room, dataset: Dataset) -> None:
    for version in current(dataset):
        answer = save(room, version, form_of(panel(room, version)))
        assert answer["Location"] == f"{room.address}datasets/cards/?case={version.case_id}"
    assert [version.since for version in current(dataset)] == [1, 1]
    assert dataset.revision == 1


def test_every_field_can_be_edited(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    form = form_of(panel(room, version)) | {
        "in_0": " first, \r\nasked better ", "expected": "", "reference": "book", "previous": "old", "feedback": "bad",
        "tags": "b, c", "key": " K1 ", "group": "g",
    }  # fmt: skip
    answer = save(room, version, form)
    assert answer.status_code == 302
    now = current(dataset)[0]
    assert now.inputs == {"question": " first, \nasked better ", "product": "card"}
    assert (now.expected, now.reference, now.previous, now.feedback) == (None, "book", "old", "bad")
    assert (now.tags, now.case.key, now.group, now.case_id) == (["b", "c"], "K1", "g", version.case_id)
    revision = dataset.revisions.get(number=2)
    assert (revision.n_updated, revision.created_by) == (1, room.admin)


def test_untouched_texts_keep_their_line_breaks_and_facts(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[1]
    save(room, version, form_of(panel(room, version)) | {"expected": "now there is one"})
    now = current(dataset)[1]
    assert now.inputs == {"question": "second\r\nline"}
    assert now.metadata == {"source": "chat"}
    assert now.expected == "now there is one"


def test_htmx_gets_the_panel_and_the_changed_list(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    fragment = panel(room, version, **HTMX)
    assert "<html" not in fragment
    answer = save(room, version, form_of(fragment) | {"expected": "no"}, **HTMX)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in text
    assert 'id="dataset-cases" hx-swap-oob="true"' in text
    assert 'id="dataset-lead" hx-swap-oob="true"' in text
    assert json.loads(answer["HX-Trigger"])["toast"] == {"level": "success", "text": "Saved as revision 2."}
    again = save(room, version, form_of(text), **HTMX)
    assert "Nothing was changed" in again["HX-Trigger"]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_cannot_be_saved_is_said_at_its_field(room: Room, dataset: Dataset, headers: dict[str, str]) -> None:
    version = current(dataset)[1]
    form = form_of(panel(room, version)) | {"key": "", "in_0": "first", "in_1": "card"}
    answer = save(room, version, form, **headers)
    assert answer.status_code == 422
    assert "Another case has the same inputs already" in answer.content.decode()
    assert form_of(answer.content.decode()) == form
    empty = save(room, version, form | {"in_0": " ", "in_1": ""}, **headers)
    assert "Fill in at least one variable" in empty.content.decode()
    assert [version.since for version in current(dataset)] == [1, 1]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_two_people_on_one_case_meet_in_a_comparison(room: Room, dataset: Dataset, headers: dict[str, str]) -> None:
    version = current(dataset)[0]
    mine = form_of(panel(room, version)) | {"expected": "mine"}
    case_edit(version, CaseRow(inputs={"question": "first", "product": "loan"}, expected="theirs", tags=["a", "b"]))
    met = save(room, version, mine, **headers)
    text = unescape(met.content.decode())
    assert met.status_code == 422
    assert "Somebody saved this case while you were editing it" in text
    assert "theirs" in text
    assert "loan" in text
    assert current(dataset)[0].expected == "theirs"
    second = form_of(met.content.decode())
    assert second["expected"] == "mine"
    assert second["base"] != mine["base"]
    assert save(room, version, second, **headers).status_code in (200, 302)
    assert (current(dataset)[0].expected, dataset.revision) == ("mine", 3)


def test_a_case_taken_out_meanwhile_is_404(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    form = form_of(panel(room, version))
    cases_remove(dataset, case_ids=[version.case_id])
    assert save(room, version, form | {"expected": "x"}).status_code == 404
    assert "taken out" in panel(room, version)


def test_a_column_that_came_meanwhile_mixes_nothing_up(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    form = form_of(panel(room, version)) | {"in_1": "loan"}
    Dataset.objects.filter(pk=dataset.pk).update(columns=["new", "product", "question"])
    save(room, version, form)
    assert current(dataset)[0].inputs == {"question": "first", "product": "loan"}


@pytest.mark.parametrize("base", ["", "x", "999999", "-1"])
def test_a_forged_base_is_404(room: Room, dataset: Dataset, base: str) -> None:
    version = current(dataset)[0]
    assert save(room, version, form_of(panel(room, version)) | {"base": base}).status_code == 404
    other = current(dataset)[1]
    assert save(room, version, form_of(panel(room, version)) | {"base": str(other.pk)}).status_code == 404


def test_taking_out_offers_to_put_back(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    address = f"{room.address}datasets/cards/cases/{version.case_id}/"
    gone = room.client.post(f"{address}remove/?tag=a")
    assert gone["Location"] == f"{room.address}datasets/cards/?tag=a"
    text = unescape(room.client.get(gone["Location"]).content.decode())
    assert "“first” was taken out" in text
    assert f"{address}put-back/?tag=a" in text
    assert len(current(dataset)) == 1
    back = room.client.post(f"{address}put-back/", follow=True)
    assert "The case is back" in back.content.decode()
    assert [version.inputs["question"] for version in current(dataset)] == ["first", "second\r\nline"]


def test_a_viewer_reads_a_case_and_sees_no_form(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    text = room.member(Role.VIEWER).get(f"{room.address}datasets/cards/?case={version.case_id}").content.decode()
    assert "first" in text
    assert "<textarea" not in text
    assert "/remove/" not in text


def test_a_case_of_another_dataset_is_not_opened(room: Room, dataset: Dataset) -> None:
    version = current(dataset)[0]
    dataset_create(project=room.project, name="other")
    for number in (version.case_id, 999_999_999):
        text = room.client.get(f"{room.address}datasets/other/?case={number}").content.decode()
        assert "There is no such case in this dataset" in text
        assert "taken out" not in text
    form = form_of(panel(room, version))
    assert room.client.post(f"{room.address}datasets/other/cases/{version.case_id}/", form).status_code == 404
    room.client.post(f"{room.address}datasets/other/cases/{version.case_id}/remove/")
    assert len(current(dataset)) == 2


def test_a_case_leads_to_its_neighbours_in_the_list_as_it_is_narrowed_down(room: Room, dataset: Dataset) -> None:
    more = [("K3", "third", []), ("K4", "fourth", ["a"])]
    cases_put(dataset, [CaseRow(key=key, inputs={"question": text}, tags=tags) for key, text, tags in more])
    first, second, third, fourth = sorted(current(dataset), key=lambda version: version.position)

    def steps(version: CaseVersion, query: str = "", **headers: str) -> dict[str, str]:
        address = f"{room.address}datasets/cards/?{query}case={version.case_id}"
        text = room.client.get(address, headers=headers).content.decode()
        return dict(re.findall(r'href="[^"]*[?;]case=(\d+)"[^>]*data-panel-step="(\w+)"', text))

    assert steps(first) == {str(second.case_id): "next"}
    assert steps(third) == steps(third, **HTMX) == {str(second.case_id): "previous", str(fourth.case_id): "next"}
    assert steps(fourth) == {str(third.case_id): "previous"}
    assert steps(first, "tag=a&") == {str(fourth.case_id): "next"}
