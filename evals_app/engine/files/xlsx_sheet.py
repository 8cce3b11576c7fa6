"""The rows of one sheet, read as they stream by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from evals_app.engine.files.rows import FileProblem, Limits
from evals_app.engine.files.xlsx_package import Package, local_name

_MOST_ROWS = 1_048_576  # of any sheet
_MOST_LETTERS = 3


class SheetCell(NamedTuple):
    """A cell as the file holds it: `kind` is its type (n, s, str, inlineStr, b, e, d), `style` a number."""

    column: int
    kind: str
    content: str
    style: int
    is_formula: bool


class SheetRow(NamedTuple):
    """A row's number, from 1, and those of its cells that hold something, from left to right."""

    number: int
    cells: list[SheetCell]


def sheet_rows(package: Package, part: str, limits: Limits) -> Iterator[SheetRow]:
    """The rows that hold something. Raises FileProblem for what no spreadsheet program writes."""
    handler = _Sheet(limits)
    for _ in package.feed(part, handler):
        yield from handler.rows
        handler.rows.clear()


class _Sheet(ContentHandler):
    """Collects <row>; cells without content, of which formatted sheets have many, are left out."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.rows: list[SheetRow] = []
        self._limits = limits
        self._row = self._column = 0
        self._cells: list[SheetCell] = []
        self._kind, self._style = "n", 0
        self._is_formula = self._in_content = self._in_aid = False
        self._pieces: list[str] = []
        self._n_chars = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  the name that xml.sax calls
        tag = local_name(name)
        if tag == "c":
            self._start_cell(attrs)
        elif tag in ("v", "t"):
            self._in_content = not self._in_aid
        elif tag == "f":
            self._is_formula = True
        elif tag == "row":
            self._start_row(attrs)
        elif tag == "rPh":
            self._in_aid = True

    def characters(self, content: str) -> None:
        if self._in_content:
            self._pieces.append(content)
            self._n_chars += len(content)
            if self._n_chars > self._limits.row_chars:
                raise FileProblem(
                    f"Row {self._row} has more than {self._limits.row_chars:,} characters. Shorten it or take it out."
                )

    def endElement(self, name: str) -> None:  # noqa: N802  as above
        tag = local_name(name)
        if tag in ("v", "t"):
            self._in_content = False
        elif tag == "c":
            self._end_cell()
        elif tag == "rPh":
            self._in_aid = False
        elif tag == "row" and self._cells:
            self.rows.append(SheetRow(self._row, self._cells))
            self._cells = []

    def _start_row(self, attrs: AttributesImpl) -> None:
        number = attrs.get("r")
        self._row = _whole(number) if number else self._row + 1
        self._column = self._n_chars = 0
        if not 1 <= self._row <= _MOST_ROWS:
            raise FileProblem(
                f"The sheet has a row with the number {self._row:,}; no sheet is that long. Copy the cases "
                "into a new workbook and import that file."
            )

    def _start_cell(self, attrs: AttributesImpl) -> None:
        place = attrs.get("r")
        self._column = _column(place) if place else self._column + 1
        self._kind = attrs.get("t") or "n"
        self._style = _whole(attrs.get("s") or "0")
        self._is_formula = False
        self._pieces = []

    def _end_cell(self) -> None:
        content = "".join(self._pieces)
        if not content and not self._is_formula:
            return
        if self._column > self._limits.columns:
            raise FileProblem(
                f"Row {self._row} has content in column {self._column:,}; at most {self._limits.columns:,} "
                "columns are allowed. Copy the cases alone into a new workbook and import that file."
            )
        self._cells.append(SheetCell(self._column, self._kind, content, self._style, self._is_formula))


def _column(place: str) -> int:
    """The column of a place such as AB12, from 1."""
    number = 0
    for n_letters, letter in enumerate(place.upper()):
        if not "A" <= letter <= "Z":
            break
        if n_letters == _MOST_LETTERS:
            raise _odd(place)
        number = number * 26 + ord(letter) - ord("A") + 1
    if not number:
        raise _odd(place)
    return number


def _whole(digits: str) -> int:
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10:
        raise _odd(digits)
    return int(digits)


def _odd(what: str) -> FileProblem:
    return FileProblem(
        f"The sheet holds “{what[:20]}” where a row or a column should be named. Open it in a spreadsheet "
        "program, save it again as Excel workbook (.xlsx) and import that file."
    )
