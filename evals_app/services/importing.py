"""Cases out of an uploaded file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from evals_app.engine.case_files import (
    CaseReader,
    CaseRow,
    FileKind,
    FileProblem,
    Limits,
    Preview,
    preview,
    read_cases,
)
from evals_app.models import Dataset
from evals_app.services.case_checks import MOST_CELL_CHARS, MOST_COLUMN_CHARS, MOST_COLUMNS, CaseProblem
from evals_app.services.case_putting import RowsFrom, rows_put
from evals_app.services.revision_storing import MOST_CASES, Stored
from llmops.core.models import User

MOST_FILE_BYTES = 100 * 1024 * 1024
LIMITS = Limits(
    file_bytes=MOST_FILE_BYTES,
    rows=MOST_CASES,
    columns=MOST_COLUMNS,
    cell_chars=MOST_CELL_CHARS,
    name_chars=MOST_COLUMN_CHARS,
)


class FileRefused(ValueError):
    """The file as a whole cannot be imported; the message says why and what to do. Nothing was stored."""

    def __init__(self, message: str, problems: tuple[CaseProblem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems


def file_import(
    dataset: Dataset,
    stream: BinaryIO,
    *,
    filename: str,
    column_map: str | Mapping[str, str] = "",
    author: User | None = None,
    whole: bool = False,
    expected: int | None = None,
) -> Stored:
    """Add and update cases from an open file as one revision; rows are read one by one.

    `column_map` says what columns mean, by their names, as JSON or a mapping: a role such as "expected", "input",
    "input:NAME" or "ignore"; columns that it leaves out are guessed. With `whole`, cases that the file does not
    have are taken out. Raises FileRefused, and WrongCases with line numbers (rows, in a workbook), and DatasetMoved
    when the dataset is not at revision `expected`; then nothing is stored.
    """
    with file_rows(stream, filename=filename, column_map=column_map) as source:
        return rows_put(
            dataset,
            source,
            author=author,
            message=f"Imported from {filename}" if filename else "Imported",
            whole=whole,
            expected=expected,
        )


@contextmanager
def file_rows(stream: BinaryIO, *, filename: str, column_map: str | Mapping[str, str] = "") -> Iterator[RowsFrom]:
    """The rows of an open file, read as they are asked for. What is wrong with the file is raised as FileRefused."""
    try:
        reader = read_cases(stream, filename=filename, mapping=_mapping(column_map), limits=LIMITS)
        counted = "row" if reader.kind is FileKind.XLSX else "line"
        yield RowsFrom(_numbered(reader), counted, made_at=lambda: reader.made_at)
    except FileProblem as problem:
        raise FileRefused(str(problem)) from problem


def file_preview(stream: BinaryIO, *, filename: str, column_map: Mapping[str, str] | None = None) -> Preview:
    """The first rows of a file and what its columns seem to mean. Raises FileRefused."""
    try:
        return preview(stream, filename=filename, mapping=column_map, limits=LIMITS)
    except FileProblem as problem:
        raise FileRefused(str(problem)) from problem


def _numbered(reader: CaseReader) -> Iterator[tuple[int, CaseRow | CaseProblem]]:
    for found in reader:
        if isinstance(found, CaseRow):
            yield found.line or 0, found
        else:
            yield found.row, CaseProblem(found.row, found.field, found.message)


def _mapping(column_map: str | Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(column_map, str):
        return column_map
    if not column_map.strip():
        return {}
    wrong = FileRefused('The column map must be JSON that gives columns a meaning, for example {"Answer": "expected"}.')
    try:
        mapping = json.loads(column_map)
    except (ValueError, RecursionError) as unreadable:
        raise wrong from unreadable
    if not isinstance(mapping, dict) or not all(isinstance(meaning, str) for meaning in mapping.values()):
        raise wrong
    return mapping
