"""Rows of cells -> records: the header row, blank rows, cells that belong to no column."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from evals_app.engine.files.escapes import MISSING, text_of
from evals_app.engine.files.lines import text_problem
from evals_app.engine.files.rows import ABSENT, BadCell, BlankRows, FileProblem, Limits, Record, RowProblem


class Row(NamedTuple):
    """A row of a table: where it starts (line or sheet row, from 1) and its cells as text."""

    number: int
    cells: list[str]


class Table(NamedTuple):
    """Named columns and the rows below them."""

    columns: list[str]
    records: Iterator[Record | RowProblem]


def read_table(rows: Iterable[Row | RowProblem], limits: Limits, *, place: str) -> Table:
    """The table whose first row that is not blank names the columns; `place` is what people call a row.

    Raises FileProblem when there is no header, no row below it, or names that cannot be told apart.
    """
    source = _without_blank(rows, limits)
    header = _header(source)
    names = _column_names(header, limits, place)
    first = next(source, None)
    if first is None:
        raise FileProblem(
            f"There are column names in {place.lower()} {header.number}, but no rows below them. "
            "Write one case per row and import the file again."
        )
    if len(names) == 1 and isinstance(first, Row) and sum(not _is_blank([cell]) for cell in first.cells) > 1:
        raise FileProblem(
            f"{place} {header.number} has one cell, but the rows below it have more. The first row must hold "
            "the names of the columns: delete what stands above them."
        )
    return Table([name for name in names if name], _records(itertools.chain([first], source), names))


def _without_blank(rows: Iterable[Row | RowProblem], limits: Limits) -> Iterator[Row | RowProblem]:
    blank = BlankRows(limits)
    for row in rows:
        if isinstance(row, Row) and _is_blank(row.cells):
            blank.skip()
        else:
            yield row


def _header(rows: Iterator[Row | RowProblem]) -> Row:
    row = next(rows, None)
    if row is None:
        raise FileProblem("The file is empty. Choose a file with one case per row.")
    if isinstance(row, RowProblem):
        raise FileProblem(f"The names of the columns cannot be read. {row.message}")
    for cell in row.cells:
        if isinstance(cell, BadCell):
            raise FileProblem(f"The names of the columns cannot be read. {cell.problem}")
    return row


def _column_names(header: Row, limits: Limits, place: str) -> list[str]:
    """The names in their order; "" for a column without one."""
    names = [_tidy(cell) for cell in header.cells]
    while not names[-1]:
        names.pop()
    if len(names) > limits.columns:
        raise FileProblem(f"The file has {len(names):,} columns; at most {limits.columns:,} are allowed.")
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if problem := text_problem(name):
            raise FileProblem(f"The name of column {position} cannot be read. {problem}")
        if len(name) > limits.name_chars and not name.startswith("input:"):
            raise FileProblem(
                f"The name of column {position} has {len(name):,} characters. Does {place.lower()} "
                f"{header.number} hold the names of the columns? Add a row with names above the first case."
            )
        if name and name in seen:
            raise FileProblem(f"The columns {seen[name]} and {position} are both called “{name}”. Rename one of them.")
        seen[name] = position
    return names


def _records(rows: Iterable[Row | RowProblem], names: Sequence[str]) -> Iterator[Record | RowProblem]:
    for row in rows:
        if isinstance(row, RowProblem):
            yield row
        elif (homeless := _cell_without_name(row.cells, names)) is not None:
            yield _homeless_problem(row, homeless, names)
        else:
            yield Record(row.number, _cells(row.cells, names))


def _cell_without_name(cells: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first cell with content is that has no column name above it."""
    for position, cell in enumerate(cells):
        if (position >= len(names) or not names[position]) and cell.strip():
            return position
    return None


def _homeless_problem(row: Row, position: int, names: Sequence[str]) -> RowProblem:
    if position < len(names):
        return RowProblem(
            row.number,
            "",
            f"Column {position + 1} has content here but no name. Name the column or clear the cell.",
        )
    return RowProblem(
        row.number,
        "",
        f"There is content in column {position + 1}, but only {len(names)} columns have a name. "
        "If a text contains the delimiter, put it in double quotes; else name the column or clear the cell.",
    )


def _cells(cells: Sequence[str], names: Sequence[str]) -> dict[str, str | None]:
    record: dict[str, str | None] = {}
    for name, cell in itertools.zip_longest(names, cells[: len(names)], fillvalue=""):
        if not cell or cell.isspace():
            record[name] = None
        elif cell == MISSING:
            record[name] = ABSENT
        else:
            record[name] = cell if isinstance(cell, BadCell) else text_of(cell)
    record.pop("", None)
    return record


def _is_blank(cells: Iterable[str]) -> bool:
    return not any(cell and not cell.isspace() for cell in cells)


def _tidy(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").split())
