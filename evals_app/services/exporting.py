"""Cases into a file that imports again without loss."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import IO

from asgiref.sync import sync_to_async
from django.db import connection

from evals_app.engine.case_files import CaseRow, FileProblem, Numbered, write_cases
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.datasets import cases_at
from evals_app.services.case_checks import row_of

EXPORT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS_AT_A_TIME = 100
PIECE_BYTES = 256 * 1024
FEW_CASES = 5_000
FEW_BYTES = 10_000_000


class ExportRefused(ValueError):
    """The cases cannot be written in this format; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def cases_export(dataset: Dataset, *, revision: int, file_format: str, numbered: bool = False) -> IO[bytes]:
    """The cases at a revision as a temporary file, open at its start; closing it removes it.

    A `numbered` table says which case each row is, and of which revision it was made, so that it can be edited and
    imported again. Memory does not grow with the number of cases. Raises ExportRefused.
    """
    keys = list(cases_at(dataset, revision=revision).values_list("pk", flat=True))
    file = tempfile.TemporaryFile()
    try:
        variables = _variables(dataset, keys, revision=revision)
        numbers = Numbered(revision if revision == dataset.revision else None) if numbered else None
        write_cases(_rows(keys), file, format=file_format, variables=variables, numbered=numbers)
    except FileProblem as problem:
        file.close()
        raise ExportRefused(str(problem)) from problem
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def export_name(dataset: Dataset, *, revision: int, file_format: str) -> str:
    """What the file is called: the dataset's name, and the revision when it is not the newest."""
    version = "" if revision == dataset.revision else f", revision {revision}"
    return f"{dataset.name}{version}.{file_format}"


class Pieces(Iterator[bytes]):
    """A file in pieces, for a server that reads them one by one; `close` is for when it stops before the end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __next__(self) -> bytes:
        if piece := self._file.read(PIECE_BYTES):
            return piece
        raise StopIteration

    def close(self) -> None:
        self._file.close()


class AsyncPieces(AsyncIterator[bytes]):
    """`Pieces` for a server that must not wait for disks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    async def __anext__(self) -> bytes:
        if piece := await sync_to_async(self._file.read, thread_sensitive=False)(PIECE_BYTES):
            return piece
        raise StopAsyncIteration

    def close(self) -> None:
        self._file.close()


def _variables(dataset: Dataset, keys: Sequence[int], *, revision: int) -> list[str] | None:
    """The columns to write; None when the cases are few enough to be gathered, so that unused ones can be left out."""
    table = CaseVersion._meta.db_table
    with connection.cursor() as cursor:
        if len(keys) <= FEW_CASES:
            cursor.execute(
                f"SELECT sum(octet_length(version::text)) FROM {table} AS version WHERE id = ANY(%s)",  # noqa: S608
                [list(keys)],
            )
            if (cursor.fetchone()[0] or 0) <= FEW_BYTES:
                return None
        if revision == dataset.revision:
            return dataset.columns
        cursor.execute(
            f"SELECT DISTINCT jsonb_object_keys(inputs) FROM {table} WHERE id = ANY(%s)",  # noqa: S608
            [list(keys)],
        )
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in dataset.columns if name in there] + sorted(there - set(dataset.columns))


def _rows(keys: Sequence[int]) -> Iterator[CaseRow]:
    for start in range(0, len(keys), ROWS_AT_A_TIME):
        wanted = keys[start : start + ROWS_AT_A_TIME]
        found = CaseVersion.objects.select_related("case").in_bulk(wanted)
        yield from (row_of(found[key]) for key in wanted)
