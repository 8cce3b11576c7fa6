"""XLSX: which sheet holds the cases, and its cells as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from evals_app.engine.files.rows import BadCell, FileProblem, Limits
from evals_app.engine.files.table import Row, Table, read_table
from evals_app.engine.files.xlsx_numbers import GENERAL, format_of, number_text
from evals_app.engine.files.xlsx_package import Package, Tag
from evals_app.engine.files.xlsx_sheet import SheetCell, SheetRow, sheet_rows
from evals_app.engine.files.xlsx_text import shared_texts, unescape_text

_TRUE = ("1", "true")
_NEVER_CALCULATED = (
    "This cell holds a formula that was never calculated. Open the workbook in a spreadsheet program, save "
    "it and import it again, or put the value in place of the formula."
)


class OpenWorkbook(NamedTuple):
    """The table of the sheet that was chosen; `notes` say which one, when there are several."""

    table: Table
    notes: list[str]


class _SheetPart(NamedTuple):
    title: str
    part: str
    is_hidden: bool


def open_workbook(stream: BinaryIO, limits: Limits) -> OpenWorkbook:
    """The first visible sheet that holds something. Raises FileProblem."""
    package = Package(stream, limits)
    workbook = next((r.target for r in package.relations("").values() if r.kind == "officeDocument"), "xl/workbook.xml")
    tags = package.tags(workbook)
    sheets = [sheet for sheet in _sheets(package, workbook, tags) if not sheet.is_hidden]
    texts = _Texts(package, workbook, tags)
    for sheet in sheets:
        if any(row.cells for row in sheet_rows(package, sheet.part, limits)):
            rows = (texts.row(row) for row in sheet_rows(package, sheet.part, limits))
            return OpenWorkbook(read_table(rows, limits, place="Row"), _notes(sheet, sheets))
    raise FileProblem("The workbook is empty. Choose a file with one case per row.")


def _sheets(package: Package, workbook: str, tags: list[Tag]) -> Iterator[_SheetPart]:
    """The worksheets in their order; sheets that are charts have no cells."""
    relations = package.relations(workbook)
    for tag in tags:
        if tag.name == "sheet":
            reference = next((value for name, value in tag.attributes.items() if name.endswith(":id")), "")
            relation = relations.get(reference)
            if relation and relation.kind == "worksheet" and relation.target in package:
                hidden = tag.attributes.get("state", "visible") != "visible"
                yield _SheetPart(tag.attributes.get("name", ""), relation.target, hidden)


def _notes(sheet: _SheetPart, sheets: list[_SheetPart]) -> list[str]:
    others = len(sheets) - 1
    if not others:
        return []
    left = "1 other sheet was" if others == 1 else f"{others} other sheets were"
    return [f"The sheet “{sheet.title}” was read; {left} not."]


class _Texts:
    """What turns cells of this workbook into text: shared texts, number formats, the calendar."""

    def __init__(self, package: Package, workbook: str, tags: list[Tag]) -> None:
        parts = {relation.kind: relation.target for relation in package.relations(workbook).values()}
        strings = parts.get("sharedStrings", "")
        self._shared = shared_texts(package, strings) if strings in package else []
        self._formats = _cell_formats(package.tags(parts.get("styles", "")))
        self._since_1904 = any(tag.name == "workbookPr" and tag.attributes.get("date1904", "") in _TRUE for tag in tags)

    def row(self, row: SheetRow) -> Row:
        cells: list[str] = []
        for cell in row.cells:
            cells += [""] * (cell.column - 1 - len(cells))
            cells[cell.column - 1 :] = [self._text(cell)]
        return Row(row.number, cells)

    def _text(self, cell: SheetCell) -> str:
        if cell.is_formula and not cell.content and cell.kind != "str":
            return BadCell("=…", _NEVER_CALCULATED)
        if cell.kind == "e":
            problem = f"This cell shows the error {cell.content}. Correct the formula or clear the cell."
            return BadCell(cell.content, problem)
        try:
            return self._value(cell)
        except (ValueError, IndexError):
            return BadCell(cell.content, f"“{cell.content[:40]}” is not a value of a cell. Type it again.")

    def _value(self, cell: SheetCell) -> str:
        if cell.kind in ("str", "inlineStr"):
            return unescape_text(cell.content)
        if cell.kind == "s":
            return self._shared[int(cell.content)]
        if cell.kind == "b":
            return "TRUE" if int(cell.content) else "FALSE"
        if cell.kind == "d":
            return cell.content.strip().removesuffix("T00:00:00")
        style = self._formats[cell.style] if cell.style < len(self._formats) else GENERAL
        return number_text(cell.content, style, since_1904=self._since_1904)


def _cell_formats(tags: list[Tag]) -> list[str]:
    """The number format of each cell style, by the style's number."""
    spelled_out: dict[int, str] = {}
    formats: list[str] = []
    section = ""
    for tag in tags:
        if tag.name in ("numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"):
            section = tag.name
        elif tag.name == "numFmt" and section == "numFmts":
            spelled_out[_number(tag, "numFmtId")] = tag.attributes.get("formatCode", GENERAL)
        elif tag.name == "xf" and section == "cellXfs":
            formats.append(format_of(_number(tag, "numFmtId"), spelled_out))
    return formats


def _number(tag: Tag, attribute: str) -> int:
    digits = tag.attributes.get(attribute, "0")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
