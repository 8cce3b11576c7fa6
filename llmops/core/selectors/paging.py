"""Keyset pages: as fast on the thousandth page as on the first, and stable while rows are added."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


class KeysetPage(NamedTuple, Generic[Row]):
    """Rows of one page; `newer` and `older` are the `at` of the pages beside it, or empty."""

    rows: list[Row]
    newer: str
    older: str


def keyset_page(rows: QuerySet[Row], *, at: str, size: int, by: str) -> KeysetPage[Row]:
    """The page that `at` names, newest first by the time column `by` and then by key.

    An `at` that is empty or not one of ours is the first page.
    """
    place = _read(at)
    if place is not None and place.newer:
        ascending = rows.filter(_beyond(by, "gt", place)).order_by(by, "pk")
        found = list(ascending[: size + 1])
        if len(found) < size + 1:
            return keyset_page(rows, at="", size=size, by=by)
        shown = found[:size][::-1]
        return KeysetPage(shown, _write("n", shown[0], by), _write("o", shown[-1], by))
    if place is not None:
        rows = rows.filter(_beyond(by, "lt", place))
    found = list(rows.order_by(f"-{by}", "-pk")[: size + 1])
    shown = found[:size]
    return KeysetPage(
        shown,
        newer=_write("n", shown[0], by) if place is not None and shown else "",
        older=_write("o", shown[-1], by) if len(found) > size else "",
    )


class _Place(NamedTuple):
    newer: bool
    when: datetime
    pk: int


def _read(at: str) -> _Place | None:
    try:
        direction, when, pk = at.split("~")
        place = _Place(direction == "n", datetime.fromisoformat(when), int(pk))
    except ValueError:
        return None
    return place if place.when.tzinfo is not None and 0 < place.pk < 2**63 else None


def _write(direction: str, row: Model, by: str) -> str:
    return f"{direction}~{getattr(row, by).isoformat()}~{row.pk}"


def _beyond(by: str, comparison: str, place: _Place) -> Q:
    same_time = Q(**{by: place.when, f"pk__{comparison}": place.pk})
    return Q(**{f"{by}__{comparison}": place.when}) | same_time
