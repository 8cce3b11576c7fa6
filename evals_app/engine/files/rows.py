"""What the readers and writers of case files hand to each other and to their callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self


class FileKind(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case. None means "not given"; an empty string was given, and is empty.

    `line` is where the case starts in its file, counted from 1 (in a spreadsheet: the row); None when it
    did not come from a file. It is no part of what the case is, so equal cases are equal wherever they stood.
    `case` is the number of the case that the row was downloaded as, if it was.
    """

    key: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    expected: str | None = None
    reference: str | None = None
    previous: str | None = None
    feedback: str | None = None
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    line: int | None = field(default=None, compare=False)
    case: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row, in a sentence that says what to do.

    `row` is the line of the file, counted from 1, at which the row starts (in a spreadsheet: the row);
    `field` is the column as the file names it, or "" when the row as a whole is meant.
    """

    row: int
    field: str
    message: str


class FileProblem(ValueError):
    """The file as a whole cannot be read or written; the message is a sentence that says what to do."""


ABSENT: Final[Any] = object()
"""A column that has no value in this row."""


class Record(NamedTuple):
    """One row before its columns are given a meaning.

    None is a blank cell of a table, "" a text meant to be empty, ABSENT no value at all. Values of JSON files
    keep their JSON type.
    """

    line: int
    cells: dict[str, Any]


class BadCell(str):
    """A cell that shows something which is no value. It matters only when its column does."""

    problem: str

    def __new__(cls, shown: str, problem: str) -> Self:
        cell = super().__new__(cls, shown)
        cell.problem = problem
        return cell


_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold before it is refused. `*_bytes` in bytes, `*_chars` in characters."""

    file_bytes: int = 100 * _MB
    rows: int = 1_000_000
    blank_rows: int = 1_000_000
    columns: int = 500
    row_chars: int = 4_000_000
    cell_chars: int = 1_000_000
    name_chars: int = 120
    key_chars: int = 200
    group_chars: int = 200
    tag_chars: int = 60
    # XLSX files are ZIP archives of XML. All parts together may unpack to `unpacked_bytes`; parts other
    # than sheets and the texts they share are kept in memory, so each of them is held to `part_bytes`.
    unpacked_bytes: int = 400 * _MB
    part_bytes: int = 20 * _MB
    zip_entries: int = 5_000
    zip_ratio: int = 200


DEFAULT_LIMITS = Limits()


class BlankRows:
    """Counts the blank rows that are skipped: each costs little, but 100 MB of them do not."""

    def __init__(self, limits: Limits) -> None:
        self._left = limits.blank_rows

    def skip(self) -> None:
        """Raises FileProblem past the limit."""
        self._left -= 1
        if self._left < 0:
            raise FileProblem("The file consists of blank rows for the most part. Take them out and import it again.")


def megabytes(n_bytes: int) -> str:
    """`n_bytes` for a sentence: "100 MB", "0.5 MB"."""
    size = n_bytes / _MB
    return f"{size:,.0f} MB" if size >= 10 else f"{size:,.1f} MB"
