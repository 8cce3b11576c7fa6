"""R33: nothing that is exported runs in a spreadsheet program, and all of it comes back as it was."""

import csv
import io

import openpyxl
import pytest

from evals_app.engine.case_files import CaseRow, parse_cases, write_cases

SIGNS = ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−"]
LOOKED_OVER = " '\"\n\u00a0\u200b\ufeff“‘＂＇`\u3000"
BEFORE = ["", "''", '="', "\u3000 '", *LOOKED_OVER]
PAYLOADS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.com?x="&A1,"click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "+49 30 123456",
    "-5",
    "- a list",
    "--",
    "=",
    "\t=1",
    "\r=1",
    "=1\n=2",
    "'=1+1",
    "''=1+1",
    '"=1+1"',
    "'-",
]
DANGEROUS = [*PAYLOADS, *(before + sign + "1" for before in BEFORE for sign in SIGNS)]
HARMLESS = [
    "",
    "a=1",
    "1-1",
    "it's",
    "'quoted'",
    '"quoted"',
    "''",
    "'''",
    "''''",
    "(-5)",
    "a\t=1",
    "http://x/?a=1",
    "#N/A",
]


def case_of(text: str) -> CaseRow:
    """The text in every field; the key is there so that the row is a case even when the text is blank."""
    return CaseRow(
        key=f"{text}{'x' * (not text.strip())}",
        inputs={"question": text, "other": "x"},
        expected=text,
        reference=text,
        tags=[text, text],
        group=text if text.strip() else None,
        metadata={text: text},
    )


def exported(rows: list[CaseRow], format: str) -> io.BytesIO:
    stream = io.BytesIO()
    write_cases(rows, stream, format=format)
    return stream


def cells_of(stream: io.BytesIO, format: str) -> list[str]:
    """The cells as any other program sees them."""
    if format == "csv":
        text = stream.getvalue().decode("utf-8-sig")
        return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    sheet = openpyxl.load_workbook(stream).active
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    return [cell.value or "" for row in sheet.iter_rows() for cell in row]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_no_cell_begins_a_formula(format):
    cells = cells_of(exported([case_of(text) for text in dict.fromkeys(DANGEROUS)], format), format)
    begun = [cell for cell in cells if cell.lstrip(LOOKED_OVER).startswith(tuple(SIGNS))]
    assert len(begun) > 4 * len(DANGEROUS), "the texts are there"
    assert [cell for cell in begun if not cell.startswith("'")] == []
    assert [cell for cell in cells if cell.startswith(tuple(SIGNS))] == []


@pytest.mark.parametrize("format", ["csv", "xlsx", "jsonl"])
def test_every_text_comes_back(format):
    rows = [case_of(text) for text in dict.fromkeys([*DANGEROUS, *HARMLESS]) if text.strip()]
    parsed = parse_cases(exported(rows, format), filename="")
    assert parsed.problems == []
    assert parsed.rows == rows


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("name", ["=1+1", "@x", "-", "+x y", "\tx", "＝x", "'=x"])
def test_no_column_name_begins_a_formula(name, format):
    row = CaseRow(inputs={name: "x"})
    stream = exported([row], format)
    assert cells_of(stream, format)[0].startswith('input:"')
    assert parse_cases(stream, filename="").rows == [row]


@pytest.mark.parametrize("text", HARMLESS[1:])
def test_harmless_texts_are_written_as_they_are(text):
    cell = cells_of(exported([CaseRow(inputs={"question": text})], "csv"), "csv")[1]
    assert cell == text or set(text) == {"'"}


def test_a_cell_that_another_program_neutralised_is_restored():
    parsed = parse_cases(io.BytesIO(b"question\n'=1+1\n'it is\n'''quoted'\n"), filename="cases.csv")
    assert [row.inputs["question"] for row in parsed.rows] == ["=1+1", "'it is", "'''quoted'"]
