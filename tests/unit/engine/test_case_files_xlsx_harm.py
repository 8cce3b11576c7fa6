"""Workbooks built to do harm: refused in a sentence, in little time and memory."""

import io
import struct
import tracemalloc

import pytest

from evals_app.engine.case_files import FileProblem, Limits, read_cases
from tests.unit.engine.workbooks import HEADER, packed, parse_xlsx, parts, text_row

GOOD = parts(HEADER + text_row(2, "Hi", "Hello"))
SHEET = "xl/worksheets/sheet1.xml"
ENTITIES = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
BOMB_LIMITS = Limits(unpacked_bytes=30 * 1024 * 1024, part_bytes=1024 * 1024)


def with_part(name: str, content: str | bytes) -> dict[str, str | bytes]:
    return {**GOOD, name: content}


HARMFUL = {
    "one enormous part": (packed(with_part(SHEET, b" " * (31 * 1024 * 1024))), "unpacks to 31 MB"),
    "many large parts": (
        packed(GOOD | {f"xl/media/{n}.bin": b"\0" * (4 * 1024 * 1024) for n in range(8)}),
        "unpacks to 32 MB",
    ),
    "styles that would be kept in memory": (
        packed(with_part("xl/styles.xml", b"<a/>" * 300_000)),
        "A part of the workbook that holds no cases has 1.1 MB",
    ),
    "entities in the sheet": (packed(with_part(SHEET, ENTITIES + GOOD[SHEET])), "XML definitions (entities)"),
    "entities in the texts": (
        packed(with_part("xl/sharedStrings.xml", ENTITIES + "<sst><si><t>&b;</t></si></sst>")),
        "XML definitions (entities)",
    ),
    "entities in the workbook": (
        packed(with_part("xl/workbook.xml", ENTITIES + GOOD["xl/workbook.xml"])),
        "XML definitions (entities)",
    ),
    "entities in the styles, as UTF-16": (
        packed(
            with_part(
                "xl/styles.xml",
                ('<?xml version="1.0" encoding="UTF-16"?>' + ENTITIES + "<x/>").encode("utf-16"),
            )
        ),
        "XML definitions (entities)",
    ),
    "a file of this machine": (
        packed(with_part(SHEET, EXTERNAL + "<worksheet>&a;</worksheet>")),
        "XML definitions",
    ),
    "a row beyond any sheet": (
        packed(parts(HEADER + '<row r="99999999999"><c t="str"><v>x</v></c></row>')),
        "“99999999999” where a row or a column should be named",
    ),
    "a row a little beyond any sheet": (
        packed(parts(HEADER + text_row(1_048_577, "Hi"))),
        "number 1,048,577; no sheet",
    ),
    "a row that is no number": (packed(parts('<row r="1x"/>')), "“1x” where a row or a column"),
    "a column beyond any sheet": (
        packed(parts('<row><c r="AAAAAAAA1" t="str"><v>x</v></c></row>')),
        "“AAAAAAAA1” where",
    ),
    "a column far to the right": (
        packed(parts('<row><c r="ZZZ1" t="str"><v>x</v></c></row>')),
        "content in column 18,278",
    ),
    "XML that is not closed": (
        packed(with_part(SHEET, GOOD[SHEET][:-9])),
        "damaged or was not uploaded completely",
    ),
    "no XML at all": (packed(with_part("xl/workbook.xml", "hello")), "damaged"),
    "half of the file": (packed(GOOD)[:600], "damaged"),
    "the second half of the file": (b"PK\x03\x04" + packed(GOOD)[-600:], "damaged"),
    "a sheet that is not there": (
        packed({k: v for k, v in GOOD.items() if k != SHEET}),
        "The workbook is empty",
    ),
    "no list of content types": (packed({k: v for k, v in GOOD.items() if "Types" not in k}), "damaged"),
}


@pytest.mark.parametrize(("data", "words"), HARMFUL.values(), ids=HARMFUL)
def test_refuses_workbooks_that_do_harm(data, words):
    with pytest.raises(FileProblem) as caught:
        parse_xlsx(data, limits=BOMB_LIMITS)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_bomb_is_refused_without_being_unpacked():
    """200 MB of spaces in 200 kB: refused by the directory's figures, in no time and no memory."""
    data = packed(with_part(SHEET, b" " * (200 * 1024 * 1024)))
    assert len(data) < 300_000
    tracemalloc.start()
    try:
        with pytest.raises(FileProblem, match="unpacks to 200 MB"):
            parse_xlsx(data)
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_directory_that_understates_sizes_does_not_get_more_unpacked():
    data = bytearray(packed(with_part(SHEET, GOOD[SHEET].encode() + b" " * (5 * 1024 * 1024))))
    at = data.rfind(SHEET.encode()) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    struct.pack_into("<L", data, at + 24, len(GOOD[SHEET]))
    with pytest.raises(FileProblem, match="damaged"):
        parse_xlsx(bytes(data))


def test_a_directory_of_very_many_parts_is_refused_before_it_is_read():
    data = packed(GOOD | {f"xl/media/{n}.bin": "" for n in range(5_000)})
    with pytest.raises(FileProblem, match="too many parts"):
        parse_xlsx(data)
    lying = bytearray(data)
    struct.pack_into("<HH", lying, len(data) - 14, 7, 7)
    with pytest.raises(FileProblem, match="too many parts"):
        parse_xlsx(bytes(lying))


def test_an_archive_with_a_password_on_its_parts_is_refused():
    data = bytearray(packed(GOOD))
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    with pytest.raises(FileProblem, match="protected with a password"):
        parse_xlsx(bytes(data))


def test_a_cell_with_more_characters_than_a_row_may_have_is_refused_while_it_streams():
    sheet = f'{HEADER}<row r="2"><c r="A2" t="str"><v>{"x" * 50_000}</v></c></row>'
    with pytest.raises(FileProblem, match="Row 2 has more than 10,000 characters"):
        parse_xlsx(packed(parts(sheet)), limits=Limits(row_chars=10_000))


def test_wide_formatted_rows_cost_nothing():
    """Rows formatted to the last column, as when a person colours whole rows, hold many empty cells."""
    empty = "".join(f'<c r="{letter}X{{n}}" s="0"/>' for letter in "ABCDEFGHIJKLMNOPQRSTUVW")
    rows = "".join(text_row(n, f"q{n}", "a").replace("</row>", empty.format(n=n) + "</row>") for n in range(2, 50))
    parsed = parse_xlsx(packed(parts(HEADER + rows)), limits=Limits(columns=3))
    assert len(parsed.rows) == 48
    assert parsed.problems == []


def test_memory_does_not_grow_with_the_rows():
    """Texts in the cells: the peak for 8,000 rows is that for 2,000."""

    def peak(n_rows: int) -> int:
        data = packed(
            parts(HEADER + "".join(text_row(n, f"question {n} {'x' * 200}", "a") for n in range(2, n_rows + 2)))
        )

        tracemalloc.start()
        try:
            assert sum(1 for _ in read_cases(io.BytesIO(data), filename="cases.xlsx")) == n_rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(8_000) < peak(2_000) + 500_000
