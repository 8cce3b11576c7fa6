"""What the list narrows to, and what is done to many cases at once."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.case_filters import CaseFilter, chosen_cases, current_cases
from evals_app.selectors.datasets import cases_at
from evals_app.services.case_bulk import cases_tag, cases_take_out
from evals_app.services.case_checks import MOST_TAGS
from evals_app.services.datasets import DatasetProblem, cases_put, dataset_create
from evals_app.services.revisions import revision_undo
from llmops.core.choices import Role
from tests.core.factories import Room

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(room: Room) -> Dataset:
    """150 cases: each third has the tag “x”, each fifth no expected answer."""
    dataset = dataset_create(project=room.project, name="cards")
    rows = [
        CaseRow(inputs={"q": f"q{at:03}"}, tags=["x"] if at % 3 == 0 else [], expected=None if at % 5 == 0 else "e")
        for at in range(150)
    ]
    cases_put(dataset, rows)
    dataset.refresh_from_db()
    return dataset


def current(dataset: Dataset) -> list[CaseVersion]:
    dataset.refresh_from_db()
    return list(cases_at(dataset, revision=dataset.revision))


def questions(cases: Any) -> list[str]:
    return sorted(version.inputs["q"] for version in cases)


def ids(dataset: Dataset, *numbers: int) -> list[int]:
    there = current(dataset)
    return [there[number].case_id for number in numbers]


def post(room: Room, query: str = "", **form: Any) -> Any:
    answer = room.client.post(f"{room.address}datasets/cards/bulk/{query}", form, follow=True)
    assert answer.status_code == 200
    return answer


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(answer.content.decode()))


def test_filters_go_together(dataset: Dataset) -> None:
    cases_put(dataset, [CaseRow(inputs={"q": "q000"}, tags=["x"], expected=" ")])
    assert current_cases(dataset, CaseFilter(tag="x")).count() == 50
    assert questions(current_cases(dataset, CaseFilter(tag="x", unanswered=True, search="Q01"))) == ["q015"]
    assert questions(current_cases(dataset, CaseFilter(changed_since=1))) == ["q000"]
    assert current_cases(dataset, CaseFilter(unanswered=True)).count() == 29
    assert not CaseFilter()
    assert CaseFilter(changed_since=0)


def test_tags_are_put_on_and_taken_off_as_one_revision_each(dataset: Dataset) -> None:
    chosen = chosen_cases(dataset, ids(dataset, 0, 1, 2))
    stored = cases_tag(dataset, chosen, add=["y", "x"])
    assert (stored.revision, stored.updated) == (2, 3)
    assert [version.tags for version in current(dataset)[:4]] == [["x", "y"], ["y", "x"], ["y", "x"], ["x"]]
    assert cases_tag(dataset, chosen_cases(dataset, ids(dataset, 0, 1)), add=["y"]).n_changes == 0
    stored = cases_tag(dataset, current_cases(dataset), remove=["x"])
    assert stored.updated == 52
    assert [version.tags for version in current(dataset)[:4]] == [["y"], ["y"], ["y"], []]
    assert revision_undo(dataset, number=3).stored.updated == 52
    assert [version.tags for version in current(dataset)[:4]] == [["x", "y"], ["y", "x"], ["y", "x"], ["x"]]


def test_a_tagged_case_is_what_an_import_would_make(dataset: Dataset) -> None:
    cases_tag(dataset, chosen_cases(dataset, ids(dataset, 1)), add=["new"])
    stored = cases_put(dataset, [CaseRow(inputs={"q": "q001"}, tags=["new"], expected="e")])
    assert stored.unchanged == 1


@pytest.mark.parametrize("tag", ["", "  ", "t" * 61, "a\x00b"])
def test_what_cannot_be_a_tag_is_refused(dataset: Dataset, tag: str) -> None:
    with pytest.raises(DatasetProblem):
        cases_tag(dataset, current_cases(dataset), add=[tag])
    dataset.refresh_from_db()
    assert dataset.revision == 1


def test_too_many_tags_on_one_case_refuse_them_all(dataset: Dataset) -> None:
    cases_put(dataset, [CaseRow(inputs={"q": "full"}, tags=[f"t{at}" for at in range(MOST_TAGS)])])
    with pytest.raises(DatasetProblem, match="at most 50 tags"):
        cases_tag(dataset, current_cases(dataset), add=["one more"])
    assert not current_cases(dataset, CaseFilter(tag="one more")).exists()


def test_taking_out_and_back(dataset: Dataset) -> None:
    before = questions(current(dataset))
    stored = cases_take_out(dataset, current_cases(dataset, CaseFilter(search="q00")))
    assert (stored.revision, stored.removed) == (2, 10)
    assert len(current(dataset)) == 140
    assert revision_undo(dataset, number=2).stored.added == 10
    assert questions(current(dataset)) == before
    cases_take_out(dataset, current_cases(dataset))
    assert current(dataset) == []


def test_ticked_cases_are_done_at_once_and_undone(room: Room, dataset: Dataset) -> None:
    ticked = ids(dataset, 1, 2)
    done = post(room, "?q=q00", do="tag", tag="urgent, x", case=ticked)
    text = text_of(done)
    assert "Added the tags “urgent”, “x”: 2 changed." in text
    assert done.redirect_chain[-1][0].endswith("/?q=q00")
    assert "/history/2/undo/?q=q00" in text
    assert current(dataset)[1].tags == ["urgent", "x"]
    undone = room.client.post(f"{room.address}datasets/cards/history/2/undo/?q=q00", follow=True)
    assert undone.redirect_chain[-1][0].endswith("/?q=q00")
    assert "/history/3/undo/?q=q00" in text_of(undone)
    assert current(dataset)[1].tags == []
    text = text_of(post(room, do="remove", case=ticked))
    assert "2 taken out." in text
    assert len(current(dataset)) == 148


def test_all_that_fit_are_asked_for_first_with_their_number(room: Room, dataset: Dataset) -> None:
    query = "?tag=x&unanswered=1"
    asked = post(room, query, do="remove", all="1")
    text = text_of(asked)
    assert "Take 10 cases out?" in text
    assert "with the tag <b>“x”</b> without an expected answer" in text
    assert len(current(dataset)) == 150
    cases_put(dataset, [CaseRow(inputs={"q": "q001"}, tags=["x"])])
    again = post(room, query, do="remove", all="1", count="10")
    assert "Take 11 cases out?" in text_of(again)
    assert len(current(dataset)) == 150
    done = post(room, query, do="remove", all="1", count="11")
    assert "11 taken out." in text_of(done)
    assert len(current(dataset)) == 139


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "Choose what to do"),
        ({"do": "drop"}, "Choose what to do"),
        ({"do": "tag", "case": ["1"]}, "Type the tag first"),
        ({"do": "tag", "tag": " , ", "case": ["1"]}, "Type the tag first"),
        ({"do": "remove"}, "No case was ticked"),
        ({"do": "remove", "case": ["x", "-1", "9" * 30]}, "No case was ticked"),
        ({"do": "tag", "tag": "t" * 61, "all": "1", "count": "150"}, "at most 60"),
        ({"do": "untag", "tag": "nowhere", "all": "1", "count": "150"}, "nothing was changed"),
    ],
)
def test_odd_forms_change_nothing_and_say_why(room: Room, dataset: Dataset, form: dict[str, Any], says: str) -> None:
    assert says in text_of(post(room, **form))
    dataset.refresh_from_db()
    assert dataset.revision == 1


def test_cases_of_another_dataset_are_not_touched(room: Room, dataset: Dataset) -> None:
    other = dataset_create(project=room.project, name="other")
    cases_put(other, [CaseRow(inputs={"q": "theirs"})])
    assert "No case was ticked" in text_of(post(room, do="remove", case=ids(other, 0)))
    assert len(current(other)) == 1


def test_viewers_have_no_ticks(room: Room, dataset: Dataset) -> None:
    viewer = room.member(Role.VIEWER)
    assert 'name="case"' not in viewer.get(f"{room.address}datasets/cards/").content.decode()
    assert viewer.post(f"{room.address}datasets/cards/bulk/", {"do": "remove"}).status_code == 403


def test_chips_go_together_and_stay_in_the_address(room: Room, dataset: Dataset) -> None:
    text = text_of(room.client.get(f"{room.address}datasets/cards/?tag=x&since=0"))
    assert '/datasets/cards/?since=0" aria-current="true"><span>x</span>' in text
    assert "?tag=x&since=0&unanswered=1" in text
    assert "Changed after revision 0" in text
    assert '<input type="hidden" name="tag" value="x"><input type="hidden" name="since" value="0">' in text
    nothing = text_of(room.client.get(f"{room.address}datasets/cards/?tag=nowhere&unanswered=1&since=9"))
    assert "No case fits with the tag “nowhere” without an expected answer changed after revision 9" in nothing


def test_statements_do_not_grow_with_the_cases(dataset: Dataset) -> None:
    def statements(*numbers: int) -> int:
        chosen = chosen_cases(dataset, ids(dataset, *numbers))
        with CaptureQueriesContext(connection) as captured:
            cases_tag(dataset, chosen, add=[f"t{len(numbers)}"])
        return len(captured)

    assert statements(*range(90)) == statements(1)
