"""Cases -> files that read back as they were."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from evals_app.engine.files.columns import Role, case_header, input_header
from evals_app.engine.files.delimited import DELIMITERS
from evals_app.engine.files.escapes import MISSING, cell_of
from evals_app.engine.files.rows import CaseRow, FileKind, FileProblem

WRITTEN_KINDS = (FileKind.CSV, FileKind.JSONL, FileKind.XLSX)

_BEFORE = (Role.KEY,)
_AFTER = (
    Role.EXPECTED, Role.REFERENCE, Role.PREVIOUS, Role.FEEDBACK, Role.TAGS, Role.GROUP, Role.METADATA,
)  # fmt: skip
_QUOTED = frozenset([*DELIMITERS, '"', "\r", "\n"])


class Numbered(NamedTuple):
    """A table that names its cases: of which revision it is made, None when it is not the newest."""

    revision: int | None


def write_cases(
    rows: Iterable[CaseRow],
    stream: BinaryIO,
    *,
    format: str,
    variables: Sequence[str] | None = None,
    numbered: Numbered | None = None,
) -> None:
    """Write cases as `format` (csv, jsonl or xlsx) to an open binary file, which stays open.

    A table has one column for each variable and for each field that a case uses. With `variables` given, rows
    are written as they come and the columns of all fields are there; without, the rows are gathered first.
    With `numbered`, a table says first which case each row is, so that it is found again whatever is edited.
    Raises FileProblem for a format that is not written, a variable that is not among `variables`, and, for
    XLSX, what a sheet cannot hold.
    """
    if format not in WRITTEN_KINDS:
        raise FileProblem(f"Cases cannot be saved as “{format}”. Choose one of {', '.join(WRITTEN_KINDS)}.")
    if format == FileKind.JSONL:
        for row in rows:
            stream.write(_json_line(row))
        return
    if variables is None:
        rows = list(rows)
        layout = _Layout.of(rows)
    else:
        layout = _Layout(variables, (*_BEFORE, *_AFTER))
    layout.numbered = numbered
    table = layout.table(rows)
    if format == FileKind.XLSX:
        from evals_app.engine.files.xlsx_writing import write_sheet  # see reading.py

        write_sheet(table, stream)
    else:
        _write_csv(table, stream)


class _Layout:
    """The columns of a table of cases: maybe their numbers, key, variables, then the other fields."""

    numbered: Numbered | None = None

    def __init__(self, variables: Sequence[str], roles: Sequence[Role]) -> None:
        if "" in variables:
            raise FileProblem("A variable has no name, so it cannot be a column. Save the cases as JSON Lines.")
        self._variables = list(variables)
        self._before = [role for role in _BEFORE if role in roles]
        self._after = [role for role in _AFTER if role in roles]

    @classmethod
    def of(cls, rows: Sequence[CaseRow]) -> _Layout:
        """The columns that these rows need."""
        variables: dict[str, None] = {}
        for row in rows:
            variables |= dict.fromkeys(row.inputs)
        used = [role for role in (*_BEFORE, *_AFTER) if any(getattr(row, role) not in (None, [], {}) for row in rows)]
        return cls(list(variables), used)

    def table(self, rows: Iterable[CaseRow]) -> Iterator[list[str]]:
        numbers = [case_header(self.numbered.revision)] if self.numbered else []
        yield [*numbers, *self._before, *map(input_header, self._variables), *self._after]
        known = set(self._variables)
        for row in rows:
            if not known.issuperset(row.inputs):
                raise FileProblem(f"The variable “{min(row.inputs.keys() - known)}” has no column to be written into.")
            yield [
                *(str(row.case or "") for _ in numbers),
                *(_field(row, role) for role in self._before),
                *(_input(row, variable) for variable in self._variables),
                *(_field(row, role) for role in self._after),
            ]


def _input(row: CaseRow, variable: str) -> str:
    text = row.inputs.get(variable)
    if text is None:
        return MISSING
    return cell_of(text) if text else ""


def _field(row: CaseRow, role: Role) -> str:
    value = getattr(row, role)
    if value is None or value == [] or value == {}:
        return ""
    if role is Role.TAGS:
        return cell_of(_tags_text(value))
    return cell_of(_json(value) if role is Role.METADATA else value)


def _tags_text(tags: Sequence[str]) -> str:
    """Tags between commas as people write them, or as a JSON list when that would not read back."""
    plain = all(tag and tag == tag.strip() and not set(tag) & set(",;\n") for tag in tags)
    return ", ".join(tags) if plain and not tags[0].startswith("[") else _json(list(tags))


def _write_csv(table: Iterable[Sequence[str]], stream: BinaryIO) -> None:
    """UTF-8 with a byte order mark, by which Excel knows it, and CR LF as RFC 4180 has it."""
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="", write_through=False)
    try:
        for row in table:
            text.write(",".join(map(_quoted, row)) + "\r\n")
        text.flush()
    finally:
        text.detach()


def _quoted(cell: str) -> str:
    """In quotes where any program could see a delimiter, or take white space off."""
    if _QUOTED.isdisjoint(cell) and cell == cell.strip():
        return cell
    return '"' + cell.replace('"', '""') + '"'


def _json_line(row: CaseRow) -> bytes:
    fields: dict[str, Any] = {
        "key": row.key,
        "inputs": dict(row.inputs),
        "expected": row.expected,
        "reference": row.reference,
        "previous": row.previous,
        "feedback": row.feedback,
        "tags": row.tags or None,
        "group": row.group,
        "metadata": row.metadata or None,
    }
    return _json({name: value for name, value in fields.items() if value is not None}).encode() + b"\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
