"""Case files: reading and writing test cases as CSV, JSON Lines or XLSX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case as a file holds it. None means "not given"; an empty string was given, and is empty."""

    key: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    expected: str | None = None
    reference: str | None = None
    previous: str | None = None
    feedback: str | None = None
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row, in a sentence that says what to do.

    `row` is the line number in the file, counted from 1; `field` is the column's name, or "".
    """

    row: int
    field: str
    message: str


class FileProblem(Exception):
    """The file as a whole cannot be read; the message is a sentence that says what to do."""
