"""What is written reads back as it was, whatever it is: cases made up by hypothesis, in every format."""

import io
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals_app.engine.case_files import CaseRow, FileProblem, Limits, parse_cases, read_cases, write_cases

FORMATS = ["csv", "jsonl", "xlsx"]
NASTY = st.text(alphabet="'\"=+-@\t\r\n ,;|\\_x0D5F{}[]()#:aé漢😀\u2028\u00a0\ufeff\x0b\x1f\x85\ufffe", max_size=12)
# A zero character and half of a surrogate pair cannot be stored, so no case has them.
TEXT = st.one_of(NASTY, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
MAYBE = st.none() | TEXT
VISIBLE = TEXT.filter(lambda text: text.strip())
NAME = VISIBLE.filter(lambda text: len(text) <= 20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def cases(draw) -> list[CaseRow]:
    """Cases that a dataset can hold: something in the inputs, and none twice."""
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    rows = []
    for number in range(draw(st.integers(1, 4))):
        inputs = draw(st.dictionaries(st.sampled_from(names), TEXT, max_size=len(names)))
        inputs[draw(st.sampled_from(names))] = draw(VISIBLE) + str(number)
        rows.append(
            CaseRow(
                key=draw(st.none() | VISIBLE.map(lambda text, number=number: text[:20] + str(number))),
                inputs=inputs,
                expected=draw(MAYBE),
                reference=draw(MAYBE),
                previous=draw(MAYBE),
                feedback=draw(MAYBE),
                tags=draw(st.lists(TEXT.map(lambda text: text[:20]), max_size=3)),
                group=draw(st.none() | VISIBLE),
                metadata=draw(st.dictionaries(TEXT, JSON, max_size=3)),
            )
        )
    return rows


def written(rows: Iterable[CaseRow], format: str, **options) -> io.BytesIO:
    stream = io.BytesIO()
    write_cases(rows, stream, format=format, **options)
    return stream


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60, deadline=None)
@given(rows=cases())
def test_cases_come_back_as_they_were(format, rows):
    stream = written(rows, format)
    parsed = parse_cases(stream, filename=f"cases.{format}")
    assert parsed.problems == []
    assert parsed.rows == rows
    assert parsed.kind == format


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=25, deadline=None)
@given(rows=cases())
def test_the_second_export_is_the_first(format, rows):
    first = written(rows, format)
    again = written(parse_cases(first, filename="").rows, format)
    assert parse_cases(again, filename="").rows == rows
    if format != "xlsx":  # whose archive holds the time of saving
        assert again.getvalue() == first.getvalue()


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=25, deadline=None)
@given(rows=cases())
def test_rows_are_written_as_they_come_when_the_variables_are_known(format, rows):
    variables = list(dict.fromkeys(name for row in rows for name in row.inputs))
    stream = written(iter(rows), format, variables=[*variables, "one more"])
    assert list(read_cases(stream, filename="")) == rows


TABLE = [
    CaseRow(
        key="007",
        inputs={"question": 'a, "b"; c\n\td ', "answer": "1.0", "context": ""},
        expected="",
        reference=" ",
        previous="''",
        feedback="'''",
        tags=["a, b", "critical", ""],
        group="g",
        metadata={"n": 1, "nested": {"x": [None, True, "ü"]}},
    ),
    CaseRow(key=None, inputs={"question": "Grüße 漢字 😀"}, expected=None),
    CaseRow(inputs={"question": "x", "context": "TRUE"}, expected="=1", tags=["plain", "two words"]),
]


@pytest.mark.parametrize("format", FORMATS)
def test_none_is_not_empty_and_a_missing_variable_is_not_an_empty_one(format):
    assert parse_cases(written(TABLE, format), filename="").rows == TABLE


def test_the_table_is_one_that_people_can_read():
    rows = [
        CaseRow(key="1", inputs={"question": "Hi"}, expected="Hello", tags=["a", "two words"]),
        CaseRow(inputs={"question": "Ho, you"}, expected="-5"),
    ]
    assert written(rows, "csv").getvalue().decode() == (
        '\ufeffkey,question,expected,tags\r\n1,Hi,Hello,"a, two words"\r\n,"Ho, you",\'-5,\r\n'
    )


def test_a_variable_that_is_called_like_a_field_says_so_in_its_column():
    rows = [CaseRow(inputs={"answer": "a", "label": "b", "Question": "c"}, expected="d")]
    assert written(rows, "csv").getvalue().decode("utf-8-sig").splitlines()[0] == (
        "input:answer,input:label,Question,expected"
    )


def test_a_sheet_says_what_it_cannot_hold():
    with pytest.raises(FileProblem, match=r"Row 2 has a text of 32,768 characters, .* holds 32,767\. Save the"):
        written([CaseRow(inputs={"question": "x" * 32_768})], "xlsx")
    row = CaseRow(inputs={"question": "x" * 32_767})
    assert parse_cases(written([row], "xlsx"), filename="").rows == [row]


def test_a_variable_without_a_column_is_refused_not_lost():
    with pytest.raises(FileProblem, match="variable “b” has no column"):
        written([CaseRow(inputs={"a": "x", "b": "y"})], "csv", variables=["a"])


def test_an_unknown_format_is_refused():
    with pytest.raises(FileProblem, match=r"cannot be saved as “pdf”\. Choose one of csv, jsonl, xlsx"):
        written(TABLE, "pdf")


def test_names_as_long_as_allowed_come_back():
    """Odd names are written as JSON, which makes their columns' names longer."""
    limits = Limits()
    rows = [CaseRow(inputs={"é |" * 40: "x", "y" * limits.name_chars: "z"})]
    for format in FORMATS:
        assert parse_cases(written(rows, format), filename="").rows == rows


@pytest.mark.parametrize("format", FORMATS)
def test_the_stream_stays_open(format):
    stream = written(TABLE, format)
    assert not stream.closed
    list(read_cases(stream, filename=""))
    assert not stream.closed
