"""Keyset pages: every row once, forwards and back, whatever happens between two pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmops.core.models import Project
from llmops.core.selectors.paging import keyset_page

pytestmark = pytest.mark.django_db
START = datetime(2025, 3, 1, tzinfo=UTC)


def make(count: int, *, same_time: bool = False) -> list[int]:
    """Projects, the newest last. Returns their keys, newest first."""
    rows = [
        Project.objects.create(
            name=f"n{at}", slug=f"n{at}", created_at=START if same_time else START + timedelta(hours=at)
        )
        for at in range(count)
    ]
    return [row.pk for row in reversed(rows)]


def keys(at: str = "", size: int = 3) -> tuple[list[int], str, str]:
    page = keyset_page(Project.objects.all(), at=at, size=size, by="created_at")
    return [row.pk for row in page.rows], page.newer, page.older


@pytest.mark.parametrize("same_time", [False, True])
def test_pages_forwards_hold_every_row_once_in_order(same_time: bool) -> None:
    expected, found, at = make(8, same_time=same_time), [], ""
    while True:
        rows, _, at = keys(at)
        found += rows
        if not at:
            break
    assert found == expected


@pytest.mark.parametrize("same_time", [False, True])
def test_pages_backwards_are_the_same_pages(same_time: bool) -> None:
    make(9, same_time=same_time)
    first, newer, older = keys()
    assert newer == ""
    second, _, older = keys(older)
    _, newer, end = keys(older)
    assert end == ""
    assert keys(newer)[0] == second
    assert keys(keys(newer)[1])[0] == first


def test_going_back_to_a_short_beginning_shows_the_first_page() -> None:
    expected = make(5)
    _, _, older = keys()
    _, newer, _ = keys(older)
    assert keys(newer) == (expected[:3], "", keys()[2])


def test_a_row_that_comes_meanwhile_moves_nothing() -> None:
    expected = make(6)
    _, _, older = keys()
    Project.objects.create(name="new", slug="new", created_at=START + timedelta(days=9))
    assert keys(older)[0] == expected[3:]


def test_exactly_one_page_has_no_next() -> None:
    make(3)
    assert keys()[1:] == ("", "")


@pytest.mark.parametrize(
    "at",
    ["x", "o~~", "o~2025-03-01~1", "o~2025-03-01T00:00:00+00:00~x", "n~2025-03-01T00:00:00+00:00~0", "~" * 9],
)
def test_an_address_that_is_not_ours_is_the_first_page(at: str) -> None:
    make(4)
    assert keys(at) == keys()
