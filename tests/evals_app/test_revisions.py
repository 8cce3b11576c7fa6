"""What differs between revisions, going back to one, and taking one change back."""

from __future__ import annotations

import random
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evals_app.choices import CaseChange
from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, CaseVersion, Dataset
from evals_app.selectors.changes import Between, ChangeCounts, change_counts, changes_page
from evals_app.selectors.datasets import cases_at, newest_revision
from evals_app.services.datasets import (
    DatasetMoved,
    WrongCases,
    case_edit,
    cases_put,
    cases_put_back,
    cases_remove,
    dataset_create,
)
from evals_app.services.revisions import revision_restore, revision_undo
from llmops.core.choices import Role
from tests.core.factories import Room, make_room
from tests.evals_app.factories import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(room: Room) -> Dataset:
    """Three revisions: a, b, c; then b changed and d added; then a taken out."""
    dataset = dataset_create(project=room.project, name="cards")
    put(dataset, CaseRow(key="a", inputs={"q": "A"}), CaseRow(key="b", inputs={"q": "the old answer"}), row("C"))
    put(dataset, CaseRow(key="b", inputs={"q": "the new answer"}, tags=["x"]), row("D"))
    cases_remove(dataset, case_ids=[case_of(dataset, "A").case_id], author=room.admin)
    dataset.refresh_from_db()
    return dataset


def row(text: str, **fields: Any) -> CaseRow:
    return CaseRow(inputs={"q": text}, **fields)


def put(dataset: Dataset, *rows: CaseRow) -> None:
    cases_put(dataset, rows)
    dataset.refresh_from_db()


def case_of(dataset: Dataset, text: str) -> CaseVersion:
    return CaseVersion.objects.select_related("case").get(dataset=dataset, until__isnull=True, inputs__q=text)


def contents(dataset: Dataset, revision: int | None = None) -> list[tuple[Any, ...]]:
    dataset.refresh_from_db()
    at = dataset.revision if revision is None else revision
    return [
        (version.case_id, version.case.key, version.inputs, version.expected, version.tags, version.position)
        for version in cases_at(dataset, revision=at)
    ]


def page(room: Room, path: str) -> str:
    answer = room.client.get(f"{room.address}datasets/cards/{path}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(answer.content.decode()))


def test_differences_are_counted_and_listed_both_ways(dataset: Dataset) -> None:
    forth, back = Between(dataset, 1, 3), Between(dataset, 3, 1)
    assert change_counts(forth) == (1, 1, 1)
    assert change_counts(back) == (1, 1, 1)
    shown = [(found.kind, found.before, found.after) for found in changes_page(forth).rows]
    assert [kind for kind, _, _ in shown] == [CaseChange.REMOVED, CaseChange.CHANGED, CaseChange.ADDED]
    assert shown[0][1].inputs == {"q": "A"}  # type: ignore[union-attr]
    assert shown[1][1].inputs == {"q": "the old answer"}  # type: ignore[union-attr]
    assert shown[1][2].inputs == {"q": "the new answer"}  # type: ignore[union-attr]
    assert changes_page(back).rows[0].kind == CaseChange.ADDED
    assert change_counts(forth, search="OLD") == (0, 1, 0)
    assert change_counts(Between(dataset, 0, 3)) == (3, 0, 0)
    assert change_counts(Between(dataset, 2, 2)) == ChangeCounts(0, 0, 0)


def test_what_was_changed_and_changed_back_is_no_difference(dataset: Dataset) -> None:
    put(dataset, row("C", expected="no"))
    put(dataset, row("C"))
    assert change_counts(Between(dataset, 3, 5)).all == 0
    assert change_counts(Between(dataset, 4, 5)).changed == 1


def test_pages_of_differences_go_forth_and_back_without_gaps(dataset: Dataset) -> None:
    put(dataset, *[row(f"n{at:02}") for at in range(60)])
    between = Between(dataset, 3, 4)
    first = changes_page(between)
    second = changes_page(between, after=first.next_after)
    third = changes_page(between, after=second.next_after)
    seen = [found.after.inputs["q"] for part in (first, second, third) for found in part.rows if found.after]
    assert seen == [f"n{at:02}" for at in range(60)]
    assert third.next_after is None
    assert changes_page(between, before=third.previous_before).rows == second.rows
    assert changes_page(between, before=second.previous_before).previous_before is None


def test_going_back_gives_the_same_cases_in_their_places_as_a_new_revision(dataset: Dataset) -> None:
    stored = revision_restore(dataset, number=1, base=3)
    assert (stored.revision, stored.added, stored.updated, stored.removed) == (4, 1, 1, 1)
    assert contents(dataset) == contents(dataset, 1)
    newest = newest_revision(dataset)
    assert newest is not None
    assert (newest.n_cases, newest.message) == (3, "Went back to revision 1")
    assert revision_restore(dataset, number=3, base=4).revision == 5
    assert contents(dataset) == contents(dataset, 3)
    assert revision_restore(dataset, number=3, base=5).n_changes == 0
    assert dataset.revision == 5


def test_going_back_is_refused_when_somebody_was_faster(dataset: Dataset) -> None:
    put(dataset, row("E"))
    with pytest.raises(DatasetMoved) as moved:
        revision_restore(dataset, number=1, base=3)
    assert moved.value.now == 4
    assert len(contents(dataset)) == 4


def test_columns_come_back_with_their_cases(dataset: Dataset) -> None:
    put(dataset, CaseRow(key="b", inputs={"other": "x"}))
    cases_remove(dataset, case_ids=[case_of(dataset, text).case_id for text in ("C", "D")])
    dataset.refresh_from_db()
    assert dataset.columns == ["other"]
    revision_restore(dataset, number=3, base=5)
    dataset.refresh_from_db()
    assert dataset.columns == ["q"]
    cases_remove(dataset, case_ids=[version.case_id for version in cases_at(dataset, revision=6)])
    cases_put_back(dataset, case_ids=[case.pk for case in Case.objects.filter(dataset=dataset, key="b")])
    dataset.refresh_from_db()
    assert dataset.columns == ["q"]


def test_two_cases_that_swapped_their_inputs_swap_back(dataset: Dataset) -> None:
    one, other = case_of(dataset, "C"), case_of(dataset, "D")
    case_edit(one, row("between"))
    case_edit(other, row("C"))
    case_edit(case_of(dataset, "between"), row("D"))
    revision_restore(dataset, number=3, base=6)
    assert contents(dataset) == contents(dataset, 3)
    put(dataset, row("C", expected="the same case"))
    assert case_of(dataset, "C").case_id == one.case_id


def test_one_change_is_taken_back_and_later_ones_stay(dataset: Dataset) -> None:
    put(dataset, row("C", expected="later"), row("E"))
    undone = revision_undo(dataset, number=2)
    assert undone.n_left == 0
    assert (undone.stored.updated, undone.stored.removed) == (1, 1)
    assert [found[2]["q"] for found in contents(dataset)] == ["the old answer", "C", "E"]
    again = revision_undo(dataset, number=2)
    assert (again.stored.n_changes, again.n_left) == (0, 2)
    redone = revision_undo(dataset, number=undone.stored.revision)
    assert contents(dataset) == contents(dataset, 4)
    assert redone.stored.revision == 6


def test_cases_that_changed_again_are_left_alone(dataset: Dataset) -> None:
    put(dataset, CaseRow(key="b", inputs={"q": "theirs"}))
    undone = revision_undo(dataset, number=2)
    assert (undone.stored.removed, undone.stored.updated, undone.n_left) == (1, 0, 1)
    assert case_of(dataset, "theirs")


def test_a_case_whose_inputs_another_has_by_now_does_not_come_back(dataset: Dataset) -> None:
    case_edit(case_of(dataset, "C"), row("C, edited"))
    case_edit(case_of(dataset, "D"), row("C"))
    with pytest.raises(WrongCases, match="nothing was stored") as wrong:
        revision_undo(dataset, number=4)
    assert "Another case has the same inputs" in wrong.value.problems[0].message
    dataset.refresh_from_db()
    assert dataset.revision == 5


def test_random_histories_can_be_gone_back_through(room: Room) -> None:
    chance = random.Random(7)
    dataset = dataset_create(project=room.project, name="cards")
    for number in range(12):
        there = contents(dataset)
        if there and chance.random() < 0.3:
            cases_remove(dataset, case_ids=[found[0] for found in chance.sample(there, len(there) // 2 + 1)])
        rows = [
            CaseRow(key=f"k{at}" if at % 2 else None, inputs={f"q{at % 3}": f"{at}"}, expected=f"{number}")
            for at in chance.sample(range(12), 5)
        ]
        put(dataset, *rows)
    for number in chance.sample(range(dataset.revision), 8):
        dataset.refresh_from_db()
        revision_restore(dataset, number=number, base=dataset.revision)
        assert contents(dataset) == contents(dataset, number)
        assert change_counts(Between(dataset, number, dataset.revision)).all == 0


def test_runs_keep_what_they_pinned() -> None:
    world = make_world(n_cases=3)
    run = world.run()
    put(world.dataset, CaseRow(inputs={"text": "one more"}))
    revision_restore(world.dataset, number=1, base=2)
    run.refresh_from_db()
    assert run.revision == 1
    assert len(contents(world.dataset, 1)) == 3


def test_the_history_leads_to_what_changed_and_back(room: Room, dataset: Dataset) -> None:
    history = page(room, "history/")
    for number in (1, 2, 3):
        assert f"changes/?to={number}" in history
    assert "changes/?from=3&to=1" in history
    shown = page(room, "changes/?to=2")
    assert "What changed in revision 2" in shown
    assert '<b class="tone-better">1 added</b>, <b>1 changed</b>' in shown
    assert "the [taken out: old][added: new] answer" in re.sub("<[^>]+>", "", shown)
    assert "(was not given)" in shown
    assert "Go back to revision 1?" in page(room, "changes/?from=3&to=1")
    assert "From revision 1 to 3" in page(room, "changes/?from=1&to=3")
    assert "The cases say the same" in page(room, "changes/?from=2&to=2")
    assert "old" not in re.findall('<ul class="changes.*?</ul>', page(room, "changes/?to=2&kind=added"))[0]
    assert "No changed case fits “zebra”" in page(room, "changes/?to=2&q=zebra")


def test_going_back_and_undoing_through_the_pages(room: Room, dataset: Dataset) -> None:
    base = f"{room.address}datasets/cards/"
    done = room.client.post(f"{base}history/1/restore/", {"base": "3"}, follow=True)
    text = done.content.decode()
    assert "Went back to revision 1" in text
    assert contents(dataset) == contents(dataset, 1)
    undone = room.client.post(f"{base}history/4/undo/", follow=True)
    assert "Took revision 4 back" in undone.content.decode()
    assert contents(dataset) == contents(dataset, 3)
    stale = room.client.post(f"{base}history/1/restore/", {"base": "3"}, follow=True)
    assert "Somebody changed the dataset meanwhile" in stale.content.decode()
    assert stale.redirect_chain[-1][0].endswith("changes/?from=5&to=1")
    assert dataset.revision == 5


@pytest.mark.parametrize(
    "path", ["changes/?from=9", "changes/?to=x", "changes/?from=1&to=4", "history/9/restore/", "history/9/undo/"]
)
def test_revisions_that_are_not_there_are_404(room: Room, dataset: Dataset, path: str) -> None:
    ask = room.client.post if path.startswith("history") else room.client.get
    assert ask(f"{room.address}datasets/cards/{path}", {}).status_code == 404


def test_odd_bases_change_nothing(room: Room, dataset: Dataset) -> None:
    for base in ("", "x", "-1", "99999999999"):
        room.client.post(f"{room.address}datasets/cards/history/1/restore/", {"base": base})
    dataset.refresh_from_db()
    assert dataset.revision == 3


def test_only_editors_go_back_and_strangers_see_nothing(room: Room, dataset: Dataset) -> None:
    viewer, stranger = room.member(Role.VIEWER), make_room().client
    for path in ("history/1/restore/", "history/2/undo/"):
        assert viewer.post(f"{room.address}datasets/cards/{path}", {"base": "3"}).status_code == 403
        assert stranger.post(f"{room.address}datasets/cards/{path}", {"base": "3"}).status_code == 404
    seen = viewer.get(f"{room.address}datasets/cards/changes/?from=3&to=1").content.decode()
    assert "1 changed" in seen
    assert "history/1/restore/" not in seen
    assert stranger.get(f"{room.address}datasets/cards/changes/").status_code == 404


def test_pages_of_changes_take_the_same_queries_and_little_however_much_changed(room: Room, dataset: Dataset) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert room.client.get(f"{room.address}datasets/cards/{path}").status_code == 200
        return len(captured)

    few = queries("changes/?to=2")
    put(dataset, *[row("long " + "word " * 4_000, key=f"{at}") for at in range(40)])
    put(dataset, *[row("long " + "word " * 3_999 + "end", key=f"{at}") for at in range(40)])
    assert queries("changes/?to=5") == few
    assert "the change begins at character" in page(room, "changes/?to=5")
    assert len(page(room, "changes/?to=5")) < 250_000
