"""One sheet of text cells."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from evals_app.engine.files.rows import FileProblem
from evals_app.engine.files.xlsx_text import escape_text

_MOST_CELL_CHARS = 32_767  # Excel's; openpyxl cuts longer texts off without a word
_MOST_ROWS = 1_048_576
_TEXT_FORMAT = "@"


def write_sheet(table: Iterable[Sequence[str]], stream: BinaryIO) -> None:
    """The table as the one sheet of a workbook, its first row frozen; "" leaves a cell blank.

    All cells are texts and formatted as such, so that 007 stays 007 also when it is edited. Raises
    FileProblem for what a sheet cannot hold.
    """
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Cases")
    sheet.freeze_panes = "A2"
    try:
        _fill(sheet, table)
    except BaseException:
        workbook.save(io.BytesIO())  # else openpyxl leaves its temporary file behind
        raise
    workbook.save(stream)


def _fill(sheet: WriteOnlyWorksheet, table: Iterable[Sequence[str]]) -> None:
    for number, row in enumerate(table, start=1):
        if number > _MOST_ROWS:
            raise FileProblem(f"A sheet holds {_MOST_ROWS:,} rows at most. Save the cases as CSV or JSON Lines.")
        sheet.append([_text_cell(sheet, text, number) for text in row])


def _text_cell(sheet: WriteOnlyWorksheet, text: str, number: int) -> Cell | None:
    if not text:
        return None
    escaped = escape_text(text)
    if len(escaped) > _MOST_CELL_CHARS:
        raise FileProblem(
            f"Row {number} has a text of {len(text):,} characters, and a cell of a workbook holds "
            f"{_MOST_CELL_CHARS:,}. Save the cases as CSV or JSON Lines."
        )
    cell = WriteOnlyCell(sheet, escaped)
    cell.data_type = "s"
    cell.number_format = _TEXT_FORMAT
    return cell
