"""Changes of cases: what is the same case, what makes a revision, what is refused as a whole."""

from __future__ import annotations

from functools import partial

import pytest

from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, CaseVersion, Dataset
from evals_app.selectors.datasets import cases_at
from evals_app.services.datasets import (
    CaseChanged,
    DatasetNameTaken,
    DatasetProblem,
    Stored,
    WrongCases,
    case_edit,
    case_problems,
    cases_put,
    cases_put_back,
    cases_remove,
    dataset_archive,
    dataset_create,
    dataset_describe,
)
from tests.core.factories import make_room
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def make_dataset(name: str = "questions") -> Dataset:
    return dataset_create(project=make_room().project, name=name)


def row(question: str, expected: str | None = None, **fields: object) -> CaseRow:
    return CaseRow(inputs={"question": question}, expected=expected, **fields)  # type: ignore[arg-type]


def put(dataset: Dataset, *rows: CaseRow) -> Stored:
    stored = cases_put(dataset, rows)
    dataset.refresh_from_db()
    return stored


def now(dataset: Dataset) -> list[tuple[str, str | None]]:
    """Question and expected answer of the current cases, in order."""
    return at(dataset, dataset.revision)


def at(dataset: Dataset, revision: int) -> list[tuple[str, str | None]]:
    return [(version.inputs["question"], version.expected) for version in cases_at(dataset, revision=revision)]


def current(dataset: Dataset, question: str) -> CaseVersion:
    return CaseVersion.objects.select_related("case").get(
        dataset=dataset, until__isnull=True, inputs__question=question
    )


def test_a_change_of_many_cases_is_one_revision_in_the_order_of_the_rows() -> None:
    dataset = make_dataset()
    assert put(dataset, row("a"), row("b", "B"), row("c")) == Stored(1, added=3)
    assert now(dataset) == [("a", None), ("b", "B"), ("c", None)]
    revision = dataset.revisions.get()
    assert (revision.number, revision.n_cases, revision.n_added) == (1, 3, 3)


def test_without_a_key_equal_inputs_are_the_same_case() -> None:
    dataset = make_dataset()
    put(dataset, row("a", "old"), row("b"))
    assert put(dataset, row("c"), row("a", "new"), row("b")) == Stored(2, added=1, updated=1, unchanged=1)
    assert now(dataset) == [("a", "new"), ("b", None), ("c", None)]
    assert Case.objects.filter(dataset=dataset).count() == 3


def test_with_a_key_other_inputs_update_the_case() -> None:
    dataset = make_dataset()
    put(dataset, row("a", key="1"))
    assert put(dataset, row("a, asked better", key="1")) == Stored(2, updated=1)
    assert now(dataset) == [("a, asked better", None)]
    assert at(dataset, 1) == [("a", None)]


def test_a_key_and_equal_inputs_without_one_are_two_cases() -> None:
    dataset = make_dataset()
    assert put(dataset, row("a", key="1"), row("a")) == Stored(1, added=2)


def test_equal_content_makes_no_revision() -> None:
    dataset = make_dataset()
    put(dataset, row("a", "A", tags=["x"], metadata={"n": 1}))
    assert put(dataset, row("a", "A", tags=["x"], metadata={"n": 1})) == Stored(1, unchanged=1)
    assert dataset.revisions.count() == 1


def test_an_empty_expected_answer_is_not_none() -> None:
    dataset = make_dataset()
    put(dataset, row("a", None), row("b", ""))
    assert now(dataset) == [("a", None), ("b", "")]
    assert put(dataset, row("a", "")) == Stored(2, updated=1)


def test_columns_are_those_that_cases_use_in_their_order() -> None:
    dataset = make_dataset()
    put(dataset, CaseRow(key="1", inputs={"zeta": "1", "alpha": "2"}), CaseRow(inputs={"alpha": "3", "new": "4"}))
    assert dataset.columns == ["zeta", "alpha", "new"]
    put(dataset, CaseRow(key="1", inputs={"alpha": "2"}))
    assert dataset.columns == ["alpha", "new"]


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        (CaseRow(inputs={}), "inputs", "no input"),
        (CaseRow(inputs={"question": " \n"}), "inputs", "no input"),
        (row("x" * 1_000_001), "question", "1,000,001 characters"),
        (row("a", "x" * 1_000_001), "expected", "1,000,001 characters"),
        (row("a\x00b"), "question", "cannot be stored"),
        (row("half \ud800"), "question", "cannot be stored"),
        (row("a", key="k" * 201), "key", "at most 200"),
        (row("a", group="g" * 201), "group", "at most 200"),
        (row("a", tags=["t" * 61]), "tags", "too long"),
        (row("a", tags=[" "]), "tags", "empty"),
        (row("a", tags=[str(n) for n in range(51)]), "tags", "at most 50"),
        (CaseRow(inputs={"n" * 101: "a"}), "n" * 57 + "…", "at most 100"),
        (CaseRow(inputs={"": "a"}), "inputs", "no name"),
        (CaseRow(inputs={str(n): "a" for n in range(501)}), "inputs", "at most 500"),
        (row("a", metadata={"x": float("nan")}), "metadata", "NaN"),
        (row("a", metadata={"x": ["\x00"]}), "metadata", "cannot be stored"),
        (row("a", metadata={"x": "y" * 1_000_001}), "metadata", "allowed"),
    ],
)
def test_one_wrong_row_refuses_them_all(wrong: CaseRow, field: str, says: str) -> None:
    dataset = make_dataset()
    with pytest.raises(WrongCases) as refused:
        put(dataset, row("right"), wrong, row("right too"))
    (problem,) = refused.value.problems
    assert (problem.row, problem.field) == (1, field)
    assert says in problem.message
    assert not CaseVersion.objects.filter(dataset=dataset).exists()
    assert not Case.objects.filter(dataset=dataset).exists()
    assert case_problems([row("right"), wrong]) == [problem]


def test_rows_that_are_the_same_case_are_refused_with_both_numbers() -> None:
    dataset = make_dataset()
    rows = [row("a"), row("b", key="1"), row("a", "other"), row("c", key="1")]
    with pytest.raises(WrongCases) as refused:
        put(dataset, *rows)
    assert [(problem.row, problem.field) for problem in refused.value.problems] == [(2, "inputs"), (3, "key")]
    assert "row 0" in refused.value.problems[0].message
    assert "“1”" in refused.value.problems[1].message
    assert list(refused.value.problems) == case_problems(rows)


def test_a_dataset_that_grew_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("case_putting", "revision_storing"):
        monkeypatch.setattr(f"evals_app.services.{module}.MOST_CASES", 2)
    dataset = make_dataset()
    put(dataset, row("a"), row("b"))
    with pytest.raises(DatasetProblem, match="holds at most 2 cases"):
        put(dataset, row("c"))
    with pytest.raises(WrongCases):
        put(make_dataset("other"), row("a"), row("b"), row("c"))
    assert now(dataset) == [("a", None), ("b", None)]


def test_editing_keeps_the_case_and_its_place() -> None:
    dataset = make_dataset()
    put(dataset, row("a"), row("b"), row("c"))
    before = current(dataset, "b")
    assert case_edit(before, row("b, asked better", "B", key="7")) == Stored(2, updated=1)
    dataset.refresh_from_db()
    assert now(dataset) == [("a", None), ("b, asked better", "B"), ("c", None)]
    after = current(dataset, "b, asked better")
    assert (after.case_id, after.case.key) == (before.case_id, "7")
    assert at(dataset, 1) == [("a", None), ("b", None), ("c", None)]


def test_editing_an_older_version_meets_the_newer_one() -> None:
    dataset = make_dataset()
    put(dataset, row("a"))
    seen_by_both = current(dataset, "a")
    case_edit(seen_by_both, row("a", "first"))
    with pytest.raises(CaseChanged) as changed:
        case_edit(seen_by_both, row("a", "second"))
    assert changed.value.now is not None
    assert changed.value.now.expected == "first"
    case_edit(changed.value.now, row("a", "second"))
    dataset.refresh_from_db()
    assert now(dataset) == [("a", "second")]


def test_editing_a_removed_case_says_so() -> None:
    dataset = make_dataset()
    put(dataset, row("a"))
    version = current(dataset, "a")
    cases_remove(dataset, case_ids=[version.case_id])
    with pytest.raises(CaseChanged) as changed:
        case_edit(version, row("a", "new"))
    assert changed.value.now is None


def test_editing_into_another_case_is_refused() -> None:
    dataset = make_dataset()
    put(dataset, row("a"), row("b"), row("c", key="1"))
    with pytest.raises(WrongCases, match="1 row is wrong"):
        case_edit(current(dataset, "b"), row("a"))
    with pytest.raises(WrongCases) as refused:
        case_edit(current(dataset, "b"), row("b", key="1"))
    assert refused.value.problems[0].field == "key"


def test_a_removed_case_gives_up_its_inputs_to_an_edited_one() -> None:
    dataset = make_dataset()
    put(dataset, row("a"), row("b"))
    removed = current(dataset, "a").case_id
    cases_remove(dataset, case_ids=[removed])
    case_edit(current(dataset, "b"), row("a"))
    dataset.refresh_from_db()
    assert now(dataset) == [("a", None)]
    with pytest.raises(WrongCases):
        cases_put_back(dataset, case_ids=[removed])
    case_edit(current(dataset, "a"), row("b again"))
    cases_put_back(dataset, case_ids=[removed])
    dataset.refresh_from_db()
    assert now(dataset) == [("a", None), ("b again", None)]
    assert put(dataset, row("a", "found by its inputs again")) == Stored(6, updated=1)


def test_removing_and_putting_back_restores_place_and_content() -> None:
    dataset = make_dataset()
    put(dataset, row("a"), row("b", "B", tags=["x"]), row("c"))
    case_id = current(dataset, "b").case_id
    assert cases_remove(dataset, case_ids=[case_id]) == Stored(2, removed=1)
    assert cases_remove(dataset, case_ids=[case_id]) == Stored(2)
    dataset.refresh_from_db()
    assert now(dataset) == [("a", None), ("c", None)]
    assert cases_put_back(dataset, case_ids=[case_id]) == Stored(3, added=1)
    assert cases_put_back(dataset, case_ids=[case_id]) == Stored(3)
    dataset.refresh_from_db()
    assert now(dataset) == [("a", None), ("b", "B"), ("c", None)]
    assert current(dataset, "b").tags == ["x"]
    assert at(dataset, 1) == now(dataset)
    assert at(dataset, 2) == [("a", None), ("c", None)]


def test_cases_of_another_dataset_are_not_touched() -> None:
    ours, theirs = make_dataset(), make_dataset("theirs")
    put(ours, row("a"))
    put(theirs, row("a"))
    case_id = current(theirs, "a").case_id
    assert cases_remove(ours, case_ids=[case_id]) == Stored(1)
    assert cases_put_back(ours, case_ids=[case_id]) == Stored(1)
    assert now(theirs) == [("a", None)]


def test_the_name_of_an_archived_dataset_is_still_taken_and_says_so() -> None:
    dataset = make_dataset()
    dataset_archive(dataset)
    with pytest.raises(DatasetNameTaken, match="removed dataset"):
        dataset_create(project=dataset.project, name=dataset.name)
    other = dataset_create(project=dataset.project, name="other")
    with pytest.raises(DatasetNameTaken):
        dataset_describe(other, name=dataset.name, description="")
    dataset_describe(other, name="Other", description="what it is")
    other.refresh_from_db()
    assert (other.name, other.description) == ("Other", "what it is")


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\\b", " a", "a\n", "..", "x" * 121])
def test_names_that_cannot_stand_in_an_address_are_refused(name: str) -> None:
    with pytest.raises(DatasetProblem) as refused:
        make_dataset(name)
    assert refused.value.field == "name"


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_are_revisions_of_their_own() -> None:
    dataset = make_dataset()

    def work(name: str) -> None:
        for number in range(5):
            cases_put(dataset, [row(f"{name} {number}"), row("shared", f"{name} {number}")])

    in_threads(*[partial(work, name) for name in "abcd"])
    dataset.refresh_from_db()
    assert dataset.revision == 20
    assert dataset.revisions.count() == 20
    assert len(now(dataset)) == 21
    assert (
        CaseVersion.objects.filter(dataset=dataset, case__identity__startswith="inputs:")
        .values("position")
        .distinct()
        .count()
        == 21
    )
