"""Which cases a search finds, and how many it says there are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from evals_app.engine.case_files import CaseRow
from evals_app.models import Dataset
from evals_app.selectors import cases as selectors
from evals_app.selectors.case_filters import CaseFilter, current_cases
from evals_app.selectors.cases import case_tags, cases_page, n_unanswered
from evals_app.services.datasets import cases_put, cases_remove, dataset_create
from tests.core.factories import Room, make_room

pytestmark = pytest.mark.django_db

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=12)


def found(dataset: Dataset, search: str) -> list[str]:
    return sorted(current_cases(dataset, CaseFilter(search=search)).values_list("case__key", flat=True))


def test_values_expected_answers_and_keys_are_searched_and_names_of_inputs_are_not(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    rows = [
        CaseRow(key="A1", inputs={"question": 'He said "no"\n100 % \\ sure', "other": ""}, expected="Yes_x"),
        CaseRow(key="B2", inputs={"question": "question A1"}, expected="no"),
    ]
    cases_put(dataset, rows)
    searches = {
        "a1": ["A1", "B2"],
        "QUESTION": ["B2"],
        'said "NO"': ["A1"],
        '"\n100': ["A1"],
        "100 % \\": ["A1"],
        "s_x": ["A1"],
        "s%x": [],
        "other": [],
        '": "': [],
        "\\n": [],
        "no": ["A1", "B2"],
    }
    assert {search: found(dataset, search) for search in searches} == searches


class TestAnyText(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(before=TEXTS, text=TEXTS, after=TEXTS)
    def test_is_found_within_a_value(self, before: str, text: str, after: str) -> None:
        dataset = dataset_create(project=make_room().project, name="any")
        cases_put(dataset, [CaseRow(key="-", inputs={"question": f"{before}{text}{after}"})])
        assert found(dataset, text) == ["-"]


def test_first_page_says_how_many_fit(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "CASES_PER_PAGE", 2)
    dataset = dataset_create(project=room.project, name="cards")
    cases_put(dataset, [CaseRow(inputs={"question": f"card {n}"}, tags=["a"]) for n in range(5)])
    first = cases_page(dataset, CaseFilter(search="card"))
    assert (len(first.rows), first.n_fit) == (2, 5)
    assert cases_page(dataset, CaseFilter(search="card"), after=first.next_after).n_fit is None
    assert cases_page(dataset, CaseFilter()).n_fit is None
    assert "of 5" in room.client.get(f"{room.address}datasets/cards/?q=card").content.decode()


def test_counts_are_those_of_the_revision(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    cases_put(dataset, [CaseRow(inputs={"question": f"card {n}"}, tags=["a"]) for n in range(3)])
    dataset.refresh_from_db()
    assert ([(tag.tag, tag.n_cases) for tag in case_tags(dataset)], n_unanswered(dataset)) == ([("a", 3)], 3)
    cases_remove(dataset, case_ids=[current_cases(dataset).values_list("case_id", flat=True)[0]])
    dataset.refresh_from_db()
    assert ([(tag.tag, tag.n_cases) for tag in case_tags(dataset)], n_unanswered(dataset)) == ([("a", 2)], 2)
