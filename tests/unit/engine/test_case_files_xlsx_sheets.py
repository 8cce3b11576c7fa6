"""Sheets of XLSX files: where the table is, and what Excel, LibreOffice and libraries write differently."""

import openpyxl
import pytest

from evals_app.engine.case_files import CaseRow, FileProblem
from tests.unit.engine.workbooks import (
    HEADER,
    STRICT,
    packed,
    parse_xlsx,
    parts,
    saved,
    text_row,
    workbook_of,
)


def test_shared_texts_as_excel_writes_them():
    shared = "<si><t>question</t></si><si><t>expected</t></si><si><r><t>Hi </t></r><r><rPr/><t>you</t></r></si>"
    shared += "<si><t>_x005F_x000D_ x005F_</t></si>"
    sheet = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
        '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="s"><v>3</v></c></row>'
    )
    parsed = parse_xlsx(packed(parts(sheet, shared=shared)))
    assert parsed.rows == [CaseRow(inputs={"question": "Hi you"}, expected="_x000D_ x005F_")]


def test_the_strict_variant_of_the_format():
    files = parts(HEADER + text_row(2, "Hi", "Hello"), main=STRICT)
    assert [row.expected for row in parse_xlsx(packed(files)).rows] == ["Hello"]


def test_number_formats_of_styles_not_those_of_named_styles():
    styles = (
        '<numFmts><numFmt numFmtId="170" formatCode="0.000"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/><xf numFmtId="14"/><xf numFmtId="30"/></cellXfs>'
        '<dxfs><dxf><numFmt numFmtId="170" formatCode="0%"/></dxf></dxfs>'
    )
    cells = "".join(f'<c r="{letter}2" s="{style}"><v>46024</v></c>' for style, letter in enumerate("ABCD"))
    sheet = (
        '<row r="1">'
        + "".join(f'<c r="{letter}1" t="str"><v>{letter}</v></c>' for letter in "ABCD")
        + f'</row><row r="2">{cells}</row>'
    )
    [case] = parse_xlsx(packed(parts(sheet, styles=styles))).rows
    assert case.inputs == {"A": "46024", "B": "46024.000", "C": "2026-01-02", "D": "2026-01-02"}


def test_missing_rows_and_cells_keep_their_places():
    rows = f'{HEADER}<row r="5"><c r="B5" t="str"><v>only this</v></c></row>{text_row(9, "Hi", "Hello")}'
    parsed = parse_xlsx(packed(parts(rows)))
    assert [(problem.row, problem.message[:22]) for problem in parsed.problems] == [(5, "This case has no input")]
    assert [(row.line, row.expected) for row in parsed.rows] == [(9, "Hello")]


def test_a_header_that_does_not_start_at_a1():
    workbook = openpyxl.Workbook()
    workbook.active["C5"], workbook.active["D5"] = "question", "expected"
    workbook.active["C6"], workbook.active["D6"] = "Hi", "Hello"
    parsed = parse_xlsx(saved(workbook))
    assert parsed.rows == [CaseRow(inputs={"question": "Hi"}, expected="Hello")]
    assert parsed.rows[0].line == 6


def test_short_rows_are_blank_cells():
    parsed = parse_xlsx(workbook_of(("question", "expected", "note"), ("Hi",), ("Ho", None, "x")))
    assert parsed.problems == []
    assert [dict(row.inputs) for row in parsed.rows] == [
        {"question": "Hi", "note": ""},
        {"question": "Ho", "note": "x"},
    ]


def test_the_first_visible_sheet_with_content_is_read_and_named():
    workbook = openpyxl.Workbook()
    workbook.active.title = "Empty"
    hidden = workbook.create_sheet("Lists")
    hidden.append(["a", "b"])
    hidden.append(["c", "d"])
    hidden.sheet_state = "hidden"
    workbook.create_chartsheet("Chart")
    for title in ("Cases", "More"):
        sheet = workbook.create_sheet(title)
        sheet.append(["question"])
        sheet.append([f"Hi from {title}"])
    parsed = parse_xlsx(saved(workbook))
    assert [dict(row.inputs) for row in parsed.rows] == [{"question": "Hi from Cases"}]
    assert parsed.notes == ["The sheet “Cases” was read; 2 other sheets were not."]


WRONG_SHEETS = {
    "empty": (workbook_of(), "The workbook is empty"),
    "header alone": (workbook_of(("question", "expected")), "column names in row 1, but no rows below them"),
    "two columns of one name": (
        workbook_of(("a", "b", "a"), (1, 2, 3)),
        "columns 1 and 3 are both called “a”",
    ),
    "a title above the names": (
        workbook_of(("My cases",), ("question", "expected"), ("a", "b")),
        "Row 1 has one cell",
    ),
    "a formula as a name": (
        packed(parts('<row r="1"><c r="A1"><f>1</f></c></row>')),
        "names of the columns cannot be read",
    ),
}


@pytest.mark.parametrize(("data", "words"), WRONG_SHEETS.values(), ids=WRONG_SHEETS)
def test_a_sheet_without_cases_is_refused_in_a_sentence(data, words):
    with pytest.raises(FileProblem) as caught:
        parse_xlsx(data)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_cell_beside_the_named_columns_is_named():
    parsed = parse_xlsx(workbook_of(("question", "expected"), ("Hi", "Hello", None, "a note"), ("Ho", "Hey")))
    [problem] = parsed.problems
    assert problem.row == 2
    assert "content in column 4, but only 2 columns have a name" in problem.message
