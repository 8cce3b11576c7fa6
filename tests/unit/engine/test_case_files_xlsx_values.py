"""Cells of XLSX files read as the person who filled them in sees them."""

import datetime
import io

import openpyxl
import pytest

from evals_app.engine.case_files import CaseRow, preview
from tests.unit.engine.workbooks import cell, parse_xlsx, saved, workbook_of

MIDNIGHT = datetime.datetime(2026, 1, 2)  # noqa: DTZ001  a sheet knows no time zones

SEEN = {
    "a text": ("Hello", "General", "Hello"),
    "a text with leading zeros": ("007", "General", "007"),
    "a text that looks like a date": ("2026-01-02", "General", "2026-01-02"),
    "a text with white space": ("  Hello\n", "General", "  Hello\n"),
    "1": (1, "General", "1"),
    "1.0": (1.0, "General", "1"),
    "-3": (-3, "General", "-3"),
    "a half": (0.5, "General", "0.5"),
    "0.1 + 0.2 is 0.3": (0.1 + 0.2, "General", "0.3"),
    "15 digits": (123456789012345, "General", "123456789012345"),
    "a large number": (1e20, "General", "100000000000000000000"),
    "a huge number": (1e300, "General", "1E+300"),
    "a small number": (0.00001, "General", "0.00001"),
    "a tiny number": (1.5e-30, "General", "1.5E-30"),
    "two decimals shown": (1.5, "0.00", "1.50"),
    "rounded as shown": (2.675, "0.00", "2.68"),
    "rounded half up as Excel does": (0.5, "0", "1"),
    "negative, rounded": (-2.345, "0.0", "-2.3"),
    "optional decimals": (1.5, "0.0##", "1.5"),
    "a percentage": (0.81, "0%", "81%"),
    "a percentage with decimals": (0.8137, "0.00%", "81.37%"),
    "an id with zeros in front": (7, "00000", "00007"),
    "thousands without grouping": (1234567.5, "#,##0.00", "1234567.50"),
    "money without its sign": (12, '"$"#,##0.00', "12.00"),
    "money of a country": (12.5, "[$€-407] #,##0.00", "12.50"),
    "accounting": (-1234, '_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)', "-1234"),
    "scientific": (12345, "0.00E+00", "12345"),
    "a fraction": (0.5, "# ?/?", "0.5"),
    "scaled to thousands": (12000, "0,", "12000"),
    "text format": (12, "@", "12"),
    "true": (True, "General", "TRUE"),
    "false": (False, "General", "FALSE"),
    "a date": (datetime.date(2026, 1, 2), "dd/mm/yyyy", "2026-01-02"),
    "a date at midnight": (MIDNIGHT, "d mmm yy", "2026-01-02"),
    "a date with time": (
        MIDNIGHT + datetime.timedelta(hours=3, minutes=4, seconds=5),
        "yyyy-mm-dd hh:mm:ss",
        "2026-01-02T03:04:05",
    ),
    "a time": (datetime.time(13, 30), "h:mm", "13:30:00"),
    "a duration": (datetime.timedelta(hours=30, minutes=5), "[h]:mm:ss", "30:05:00"),
    "a day before the first": (-5, "yyyy-mm-dd", "-5"),
    "a day after the last": (1e9, "yyyy-mm-dd", "1000000000"),
}


@pytest.mark.parametrize(("value", "number_format", "text"), SEEN.values(), ids=SEEN)
def test_values_read_as_the_person_sees_them(value, number_format, text):
    workbook = openpyxl.Workbook()
    workbook.active.append(["question", "expected"])
    workbook.active.append(["Hi", value])
    workbook.active["B2"].number_format = number_format
    parsed = parse_xlsx(saved(workbook))
    assert parsed.problems == []
    assert parsed.rows == [CaseRow(inputs={"question": "Hi"}, expected=text)]


def test_dates_of_the_calendar_that_begins_in_1904():
    workbook = openpyxl.Workbook()
    workbook.epoch = openpyxl.utils.datetime.MAC_EPOCH
    workbook.active.append(["question", "expected"])
    workbook.active.append(["Hi", datetime.date(2026, 1, 2)])
    assert parse_xlsx(saved(workbook)).rows[0].expected == "2026-01-02"


RAW = {
    "an inline text of several runs": (
        '<c r="B2" t="inlineStr"><is><r><t>Hel</t></r><r><t>lo</t></r></is></c>',
        "Hello",
    ),
    "a text with reading aids": (
        '<c r="B2" t="inlineStr"><is><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></is></c>',
        "東京",
    ),
    "characters that XML cannot hold": (
        '<c r="B2" t="inlineStr"><is><t>a_x000D_\nb_x0007_</t></is></c>',
        "a\r\nb\x07",
    ),
    "a text that looks like such a character": (
        '<c r="B2" t="inlineStr"><is><t>_x005F_x000D_</t></is></c>',
        "_x000D_",
    ),
    "a calculated text": ('<c r="B2" t="str"><f>A2&amp;"!"</f><v>Hi!</v></c>', "Hi!"),
    "a calculated number": ('<c r="B2"><f>1+1</f><v>2</v></c>', "2"),
    "a calculated yes": ('<c r="B2" t="b"><f>1=1</f><v>1</v></c>', "TRUE"),
    "a calculated text that is empty": ('<c r="B2" t="str"><f>""</f><v></v></c>', None),
    "a shared formula": ('<c r="B2"><f t="shared" si="0"/><v>4</v></c>', "4"),
    "an array formula": ('<c r="B2"><f t="array" ref="B2">SUM(A1:A2)</f><v>5</v></c>', "5"),
    "an ISO date": ('<c r="B2" t="d"><v>2026-01-02T00:00:00</v></c>', "2026-01-02"),
    "no place, so the next column": ('<c t="inlineStr"><is><t>Hello</t></is></c>', "Hello"),
    "a formatted cell without content": ('<c r="B2" s="1"/>', None),
    "a style that is not there": ('<c r="B2" s="99"><v>1.0</v></c>', "1"),
    "a number in scientific form": ('<c r="B2"><v>1.0E-2</v></c>', "0.01"),
    "a prefix before every tag": ('<x:c xmlns:x="urn:x" r="B2" t="str"><x:v>Hello</x:v></x:c>', "Hello"),
    "a comment in between": ('<c r="B2" t="str"><v>Hel<!-- -->lo</v></c>', "Hello"),
    "a section of characters": ('<c r="B2" t="str"><v><![CDATA[<b>&amp;]]></v></c>', "<b>&amp;"),
}


@pytest.mark.parametrize(("content", "text"), RAW.values(), ids=RAW)
def test_reads_cells_as_programs_write_them(content, text):
    parsed = parse_xlsx(cell(content))
    assert parsed.problems == []
    assert parsed.rows == [CaseRow(inputs={"question": "Hi"}, expected=text)]


WRONG_CELLS = {
    "a formula that was never calculated": (
        '<c r="B2"><f>A2&amp;"!"</f></c>',
        "formula that was never calculated",
    ),
    "the same as openpyxl writes it": ('<c r="B2"><f>1+1</f><v/></c>', "save it and import it again"),
    "an error": (
        '<c r="B2" t="e"><v>#DIV/0!</v></c>',
        "shows the error #DIV/0!. Correct the formula or clear the cell",
    ),
    "an error of a formula": ('<c r="B2" t="e"><f>1/0</f><v>#N/A</v></c>', "shows the error #N/A"),
    "a number that is none": ('<c r="B2"><v>1,5</v></c>', "“1,5” is not a value"),
    "not a number": ('<c r="B2"><v>NaN</v></c>', "“NaN” is not a value"),
    "a shared text that is not there": ('<c r="B2" t="s"><v>17</v></c>', "“17” is not a value"),
    "a shared text before the first": ('<c r="B2" t="s"><v>-1</v></c>', "“-1” is not a value"),
    "a zero character": ('<c r="B2" t="str"><v>a_x0000_b</v></c>', "zero character"),
    "half of a pair of surrogates": ('<c r="B2" t="str"><v>_xD83D_</v></c>', "half of a character"),
}


@pytest.mark.parametrize(("content", "words"), WRONG_CELLS.values(), ids=WRONG_CELLS)
def test_a_wrong_cell_is_named_by_row_and_column(content, words):
    parsed = parse_xlsx(cell(content.replace("B2", "B4"), number=4))
    assert parsed.rows == []
    [problem] = parsed.problems
    assert (problem.row, problem.field) == (4, "expected")
    assert words in problem.message
    assert problem.message.endswith(".")


def test_a_wrong_cell_in_an_ignored_column_is_no_problem():
    data = cell('<c r="B2" t="e"><v>#N/A</v></c>')
    parsed = parse_xlsx(data, mapping={"expected": "ignore"})
    assert parsed.rows == [CaseRow(inputs={"question": "Hi"})]
    assert preview(io.BytesIO(data), filename="cases.xlsx").rows == [["Hi", "#N/A"]]


def test_a_text_that_says_na_is_a_text():
    assert parse_xlsx(workbook_of(("question", "expected"), ("Hi", "N/A"))).rows[0].expected == "N/A"
