"""CSV and its relatives: rows of cells between commas, semicolons, tabs or bars.

Texts follow RFC 4180: a cell with a delimiter, a quote or a line break stands in double quotes, and a quote
inside it is doubled. Python's reader does the splitting, one row at a time, so that a row with a broken quote
costs that row only: reading goes on at the line after the one where the row began.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from evals_app.engine.files.lines import Line
from evals_app.engine.files.rows import BlankRows, Limits, RowProblem
from evals_app.engine.files.table import Row

# The limit is one for the whole process; ours is per file, and kept by the lines that the reader is given.
csv.field_size_limit(2**31 - 1)

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# No text can hold half of a surrogate pair of this kind, whatever the file's encoding.
NO_DELIMITER = "\ud800"
_SAMPLE_CHARS = 1 << 16
_SAMPLE_ROWS = 200
_FEW_ROWS = 3
_EXCEL_HINT = re.compile(r'\ufeff?"?sep=(.)"?[\r\n]*', re.IGNORECASE)


class Dialect(NamedTuple):
    """How cells are told apart; `skip_space`: white space between a delimiter and a quote means nothing."""

    delimiter: str = ","
    skip_space: bool = False


class Lines:
    """Lines that can be put back."""

    def __init__(self, lines: Iterable[Line | RowProblem]) -> None:
        self._source = iter(lines)
        self._back: deque[Line | RowProblem] = deque()

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> Line | RowProblem:
        return self._back.popleft() if self._back else next(self._source)

    def put_back(self, lines: Iterable[Line | RowProblem]) -> None:
        """These come next, in their order."""
        self._back.extendleft(reversed(list(lines)))


def sniff(lines: Lines, limits: Limits) -> Dialect:
    """The dialect by the first lines, which are put back; Excel's `sep=;` line decides, and is taken away.

    A delimiter must split the first row; of those that do, the one that gives the most rows as many cells as
    the first row has wins, then the one that gives more cells. When none splits the first row, but one splits
    all rows below it alike, that is the one (and the first row is no header); else every line is one cell.
    """
    sample = _sample(lines, BlankRows(limits))
    if isinstance(sample[0], Line) and (hint := _EXCEL_HINT.fullmatch(sample[0].text)):
        del sample[0]
        lines.put_back(sample)
        return Dialect(hint[1], _quotes_after_space(sample, hint[1], limits))
    lines.put_back(sample)
    fits = {delimiter: _fit(sample, Dialect(delimiter), limits) for delimiter in DELIMITERS}
    delimiter = max(fits, key=lambda candidate: fits[candidate])
    if fits[delimiter] == _NO_FIT:
        return Dialect(NO_DELIMITER)
    return Dialect(delimiter, _quotes_after_space(sample, delimiter, limits))


def delimited_rows(lines: Lines, dialect: Dialect, limits: Limits) -> Iterator[Row | RowProblem]:
    """The rows; one below the header that has not as many cells as it has is a problem. Blank rows stay.

    A header of one cell is left to the table, which tells a title from a name.
    """
    width = 0
    for row in _split(lines, dialect, limits):
        if isinstance(row, Row) and any(row.cells):
            n_cells = len(row.cells)
            if not width:
                width = max(n for n, cell in enumerate(row.cells, start=1) if cell.strip() or n == 1)
            elif n_cells < width:
                row = RowProblem(row.number, "", _too_few(n_cells, width, dialect))
            elif width > 1 and any(cell.strip() for cell in row.cells[width:]):
                row = RowProblem(row.number, "", _too_many(n_cells, width, dialect))
        yield row


def _split(lines: Lines, dialect: Dialect, limits: Limits) -> Iterator[Row | RowProblem]:
    for line in lines:
        if isinstance(line, RowProblem):
            yield line
            continue
        if not line.text.strip("\r\n"):
            yield Row(line.number, [])
            continue
        used: list[Line] = []
        reader = csv.reader(
            _row_lines(line, lines, used, limits.row_chars),
            delimiter=dialect.delimiter,
            skipinitialspace=dialect.skip_space,
            strict=True,
        )
        try:
            yield Row(line.number, next(reader))
        except csv.Error as wrong:
            lines.put_back(used)
            yield RowProblem(line.number, "", _quote_message(wrong, len(used)))


def _row_lines(first: Line, lines: Lines, used: list[Line], most_chars: int) -> Iterator[str]:
    """The lines that one row may take; those after the first are noted in `used`."""
    yield first.text
    n_chars = len(first.text)
    for line in lines:
        if isinstance(line, RowProblem) or n_chars + len(line.text) > most_chars:
            lines.put_back([line])
            return
        n_chars += len(line.text)
        used.append(line)
        yield line.text


def _sample(lines: Lines, blank: BlankRows) -> list[Line | RowProblem]:
    """The first lines, without the empty ones at the start."""
    sample: list[Line | RowProblem] = []
    n_chars = 0
    for line in lines:
        if not sample and isinstance(line, Line) and not line.text.strip("\r\n"):
            blank.skip()
            continue
        sample.append(line)
        n_chars += len(line.text) if isinstance(line, Line) else 0
        if n_chars > _SAMPLE_CHARS:
            break
    return sample


_Fit = tuple[bool, float, int]
_NO_FIT: _Fit = (False, 0.0, 0)
_ALL_BLANK: _Fit = (False, 0.0, 1)


def _fit(sample: Iterable[Line | RowProblem], dialect: Dialect, limits: Limits) -> _Fit:
    """How well a dialect explains the rows: (splits the header, share of rows of one width, width)."""
    widths = [len(row.cells) if isinstance(row, Row) else -1 for row in _sample_rows(sample, dialect, limits)]
    if not widths:
        return _ALL_BLANK
    # A header that cannot be read is as wide as the row below it: the table will say what is wrong with it.
    header, below = next((width for width in widths if width > 0), 0), widths[1:]
    if header > 1:
        return True, sum(width == header for width in widths) / len(widths), header
    if len(below) >= _FEW_ROWS and below[0] > 1 and len(set(below)) == 1:
        return False, 1.0, below[0]
    return _NO_FIT


def _sample_rows(sample: Iterable[Line | RowProblem], dialect: Dialect, limits: Limits) -> list[Row | RowProblem]:
    rows = _split(Lines(sample), dialect, limits)
    return list(itertools.islice((row for row in rows if isinstance(row, RowProblem) or any(row.cells)), _SAMPLE_ROWS))


def _quotes_after_space(sample: Iterable[Line | RowProblem], delimiter: str, limits: Limits) -> bool:
    """True when cells are written as `a, "b, c"`: RFC 4180 knows no space before the quote."""
    plain, skipping = Dialect(delimiter), Dialect(delimiter, skip_space=True)
    cells = (cell for row in _sample_rows(sample, plain, limits) if isinstance(row, Row) for cell in row.cells)
    if not any(cell.startswith(" ") and cell.lstrip(" ").startswith('"') for cell in cells):
        return False
    return _fit(sample, skipping, limits) > _fit(sample, plain, limits)


def _too_few(n_cells: int, width: int, dialect: Dialect) -> str:
    return (
        f"This row has {_count(n_cells)}, but there are {width} columns. Put a text that contains a line "
        f"break in double quotes, and keep the {DELIMITERS.get(dialect.delimiter, 'delimiter')}s of blank "
        "cells (or save the sheet as XLSX)."
    )


def _too_many(n_cells: int, width: int, dialect: Dialect) -> str:
    return (
        f"This row has {_count(n_cells)}, but there "
        f"{'is 1 column' if width == 1 else f'are {width} columns'}. Put a text that contains a "
        f"{DELIMITERS.get(dialect.delimiter, 'delimiter')} in double quotes."
    )


def _count(n_cells: int) -> str:
    return "1 cell" if n_cells == 1 else f"{n_cells} cells"


def _quote_message(wrong: csv.Error, lines_after: int) -> str:
    if "unexpected end" in str(wrong):
        return (
            "A double quote opens a text in this row and is never closed. Close it, or write a quote that "
            "belongs "
            'to the text twice ("").'
        )
    where = "in this row" if not lines_after else "in the text that starts in this row"
    return f'There is a single double quote inside a quoted text {where}. Write it twice ("").'
