"""Files that something went wrong with on the way: never anything but cases, problems of rows, or a sentence."""

import dataclasses
import io
import json
import random
import tempfile

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from evals_app.engine.case_files import CaseRow, FileProblem, Limits, RowProblem, parse_cases, preview, read_cases
from tests.unit.engine.workbooks import workbook_of

CSV = ('question,expected,tags\n"Grüße, bitte ""x""\nja",Hello,"a, b"\n' + "Hi,Hello,\n" * 3).encode()
JSON_LINES = "\n".join(
    [
        '{"question": "Grüße", "expected": 1.5, "tags": ["a"]}',
        '{"key": "k", "inputs": {"question": "x"}, "metadata": {"a": [1, null]}}',
        '{"question": "\\ud83d\\ude00", "expected": true}',
    ]
).encode()
JSON_LIST = json.dumps([json.loads(line) for line in JSON_LINES.splitlines()], indent=1).encode()
XLSX = workbook_of(("question", "expected", "n"), ("Grüße", "x", 1.5), ("Hi", "Hello", True))
FILES = {"csv": CSV, "jsonl": JSON_LINES, "json": JSON_LIST, "xlsx": XLSX, "utf-16": CSV.decode().encode("utf-16")}
PIECES = [b"\x00", b"\xff", b"\xed\xa0\x80", b'"', b"\n", b"\r", b",", b"{", b"]", b"[" * 50, b"1e999", b"<!DOCTYPE x>"]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Up to three bytes changed, cut out, doubled or put in, or the file cut off."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        end = min(len(data), at + rng.randint(1, 20))
        how = rng.randrange(5)
        if how == 0:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif how == 1:
            data = data[:at] + data[end:] or b"x"
        elif how == 2:
            data = data[:end] + data[at:]
        elif how == 3:
            data = data[:at] + rng.choice(PIECES) + data[at:]
        else:
            data = data[: max(1, at)]
    return data


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_damage_never_ends_in_anything_but_a_sentence(data):
    rng = random.Random(20261123)
    outcomes = {"cases": 0, "problems": 0, "refused": 0}
    for _ in range(400):
        broken = damaged(data, rng)
        try:
            shown = preview(io.BytesIO(broken), filename="cases.csv")
            parsed = parse_cases(io.BytesIO(broken), filename="cases.csv")
        except FileProblem as refused:
            outcomes["refused"] += 1
            assert str(refused).endswith("."), broken
            assert str(refused).encode(), "can be shown"
            continue
        outcomes["problems" if parsed.problems else "cases"] += 1
        assert all(problem.message.endswith(".") and problem.row > 0 for problem in parsed.problems), broken
        for part in (shown, parsed):
            json.dumps(dataclasses.asdict(part), ensure_ascii=False).encode()  # can be stored and shown
    assert outcomes["refused"] > 20


STREAMS = {
    "a temporary file": tempfile.TemporaryFile,
    "a file that is in memory as long as it is small": lambda: tempfile.SpooledTemporaryFile(max_size=100),
    "Django's uploaded file": lambda: SimpleUploadedFile("cases.csv", b""),
    "Django's file of content": lambda: ContentFile(b""),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_any_seekable_stream_does_and_stays_open(make, data):
    with make() as stream:
        stream.write(data)
        assert len(preview(stream, filename="x").rows) >= 2
        assert len(parse_cases(stream, filename="x").rows) >= 2
        stream.seek(0)
        assert stream.read() == data


def test_a_reader_is_advanced_one_case_at_a_time_and_may_be_left():
    reader = read_cases(io.BytesIO(b"question\nHi\nHo\n"), filename="cases.csv")
    assert next(reader) == CaseRow(inputs={"question": "Hi"})
    assert reader.mapping == {"question": "input"}
    assert [type(item) for item in reader] == [CaseRow]
    assert list(reader) == []


def test_problems_come_between_the_cases_in_the_order_of_the_file():
    reader = read_cases(io.BytesIO(b"question,expected\nHi,a\nb\nHo,c\n"), filename="cases.csv")
    assert [(type(item), getattr(item, "line", None) or item.row) for item in reader] == [
        (CaseRow, 2),
        (RowProblem, 3),
        (CaseRow, 4),
    ]


@pytest.mark.parametrize(("kind", "data"), [("csv", CSV), ("jsonl", JSON_LINES), ("json", JSON_LIST), ("xlsx", XLSX)])
def test_the_limit_of_rows_holds_for_every_kind(kind, data):
    with pytest.raises(FileProblem, match="more than 1 rows"):
        parse_cases(io.BytesIO(data), filename=kind, limits=Limits(rows=1))
