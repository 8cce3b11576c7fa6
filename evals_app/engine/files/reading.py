"""Reading case files: what kind they are, what their columns mean, and then case by case."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from evals_app.engine.files.cases import CaseBuilder
from evals_app.engine.files.columns import Role, made_at, parse_target, resolve_mapping
from evals_app.engine.files.delimited import NO_DELIMITER, Lines, delimited_rows, sniff
from evals_app.engine.files.encoding import detect_encoding
from evals_app.engine.files.json_cases import line_records, value_records
from evals_app.engine.files.json_values import json_values
from evals_app.engine.files.kinds import check_size, is_workbook, text_kind
from evals_app.engine.files.lines import numbered_lines, open_text, showable
from evals_app.engine.files.rows import (
    ABSENT,
    DEFAULT_LIMITS,
    CaseRow,
    FileKind,
    FileProblem,
    Limits,
    Record,
    RowProblem,
)
from evals_app.engine.files.table import read_table

_SAMPLE_ROWS = 200
_SAMPLE_CHARS = 2_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file: its columns and its rows, before the columns have a meaning.

    `columns` are all of a table's, but those of a JSON file's first rows, which may have more (`open_ended`).
    `encoding` and `delimiter` are "" where a kind has none. `notes` are sentences about what was assumed.
    """

    kind: FileKind
    columns: list[str]
    records: Iterator[Record | RowProblem]
    encoding: str = ""
    delimiter: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def open_ended(self) -> bool:
        return self.kind in (FileKind.JSON, FileKind.JSONL)

    @property
    def place(self) -> str:
        """What people call the number of a row: a text has lines, a sheet has rows."""
        return "row" if self.kind is FileKind.XLSX else "line"


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a file as they are, and what each column would mean.

    `rows` are aligned with `columns`; `problems` are those of the rows shown.
    """

    columns: list[str]
    mapping: dict[str, str]
    rows: list[list[str]]
    encoding: str
    delimiter: str
    kind: FileKind
    notes: list[str]
    problems: list[RowProblem]


class CaseReader(Iterator[CaseRow | RowProblem]):
    """The cases of one file, one at a time and once: a CaseRow, or the RowProblems of a row that is wrong.

    `mapping` says what each column means (for JSON files: as far as they were read). Advancing it raises
    FileProblem when the file stops being readable or is longer than allowed.
    """

    def __init__(self, source: Source, mapping: Mapping[str, str] | None, limits: Limits) -> None:
        self.kind = source.kind
        self.encoding = source.encoding
        self.delimiter = source.delimiter
        self.notes = source.notes
        resolved = _resolve(source, mapping)
        if not source.open_ended and not any(parse_target(*pair).role is Role.INPUT for pair in resolved.items()):
            raise FileProblem("No column is a variable of the prompt. Choose “input” for at least one column.")
        self._builder = CaseBuilder(resolved, limits, place=source.place)
        self._items = self._read(source)

    @property
    def mapping(self) -> dict[str, str]:
        return dict(self._builder.mapping)

    @property
    def made_at(self) -> int | None:
        """The revision of which the file was made, when it says so."""
        return made_at(self._builder.mapping)

    def __next__(self) -> CaseRow | RowProblem:
        return next(self._items)

    def _read(self, source: Source) -> Iterator[CaseRow | RowProblem]:
        yield from self._builder.cases(source.records)
        if source.open_ended:
            self._builder.check_columns()


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A whole file in memory: its cases, and the first `most_problems` of its `n_problems` problems."""

    columns: list[str]
    mapping: dict[str, str]
    rows: list[CaseRow]
    problems: list[RowProblem]
    n_problems: int
    kind: FileKind
    encoding: str
    delimiter: str
    notes: list[str]


def read_cases(
    stream: BinaryIO,
    *,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> CaseReader:
    """Read cases from an open, seekable binary file; memory does not grow with the number of rows.

    `mapping` says what columns mean, by their names (see `guess_mapping`); what it leaves out is guessed. The
    kind of the file is told by its content; `filename` decides only where the content leaves it open. The
    stream is read from its start and stays open. Raises FileProblem, here and while reading.
    """
    return CaseReader(_open(stream, filename, limits), mapping, limits)


def parse_cases(
    stream: BinaryIO,
    *,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    most_problems: int = 1_000,
) -> ParsedFile:
    """`read_cases`, collected. Raises FileProblem."""
    reader = read_cases(stream, filename=filename, mapping=mapping, limits=limits)
    rows: list[CaseRow] = []
    problems: list[RowProblem] = []
    n_problems = 0
    for item in reader:
        if isinstance(item, CaseRow):
            rows.append(item)
        else:
            n_problems += 1
            if n_problems <= most_problems:
                problems.append(item)
    return ParsedFile(
        columns=list(reader.mapping),
        mapping=reader.mapping,
        rows=rows,
        problems=problems,
        n_problems=n_problems,
        kind=reader.kind,
        encoding=reader.encoding,
        delimiter=reader.delimiter,
        notes=reader.notes,
    )


def preview(
    stream: BinaryIO,
    *,
    filename: str,
    mapping: Mapping[str, str] | None = None,
    n: int = 10,
    limits: Limits = DEFAULT_LIMITS,
) -> Preview:
    """The first `n` rows and the meaning of each column, for a person to correct. Raises FileProblem."""
    source = _open(stream, filename, limits)
    shown = list(itertools.islice(source.records, n))
    records = [record for record in shown if isinstance(record, Record)]
    return Preview(
        columns=source.columns,
        mapping=_resolve(source, mapping),
        rows=[[_shown(record.cells.get(column)) for column in source.columns] for record in records],
        encoding=source.encoding,
        delimiter=source.delimiter,
        kind=source.kind,
        notes=source.notes,
        problems=[problem for problem in shown if isinstance(problem, RowProblem)],
    )


def _open(stream: BinaryIO, filename: str, limits: Limits) -> Source:
    check_size(stream, limits)
    if is_workbook(stream):
        from evals_app.engine.files.xlsx import open_workbook  # loads openpyxl: half a second, 20 MB a process

        workbook = open_workbook(stream, limits)
        return Source(FileKind.XLSX, workbook.table.columns, workbook.table.records, notes=workbook.notes)
    encoding = detect_encoding(stream)
    kind = text_kind(stream, encoding, filename)
    text = open_text(stream, encoding)
    notes = [encoding.note] if encoding.note else []
    if kind is FileKind.CSV:
        lines = Lines(numbered_lines(text, most_chars=limits.row_chars))
        dialect = sniff(lines, limits)
        table = read_table(delimited_rows(lines, dialect, limits), limits, place="Line")
        delimiter = "" if dialect.delimiter == NO_DELIMITER else dialect.delimiter
        return Source(kind, table.columns, table.records, encoding.name, delimiter, notes)
    if kind is FileKind.JSONL:
        records = line_records(numbered_lines(text, most_chars=limits.row_chars), limits)
    else:
        records = value_records(json_values(text, limits))
    columns, records = _json_columns(records)
    return Source(kind, columns, records, encoding.name, notes=notes)


def _json_columns(
    records: Iterator[Record | RowProblem],
) -> tuple[list[str], Iterator[Record | RowProblem]]:
    """The columns of the first rows, and all rows. Raises FileProblem when there is none."""
    sample: list[Record | RowProblem] = []
    columns: dict[str, None] = {}
    n_chars = 0
    for record in itertools.islice(records, _SAMPLE_ROWS):
        sample.append(record)
        if isinstance(record, Record):
            columns |= dict.fromkeys(record.cells)
            n_chars += sum(len(cell) for cell in record.cells.values() if isinstance(cell, str))
            if n_chars > _SAMPLE_CHARS:
                break
    if not sample:
        raise FileProblem("There are no cases in this file. Write one object per case and import it again.")
    return list(columns), itertools.chain(sample, records)


def _resolve(source: Source, mapping: Mapping[str, str] | None) -> dict[str, str]:
    """A JSON file may show a column later than its first rows, so a wanted one need not be there yet."""
    wanted = mapping or {}
    later: Iterable[str] = [name for name in wanted if name not in source.columns] if source.open_ended else []
    return resolve_mapping([*source.columns, *later], mapping)


def _shown(cell: Any) -> str:
    if cell is None or cell is ABSENT:
        return ""
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    return showable(text)
