"""JSON Lines and JSON lists: flat fields or the API's form, and everything that is nearly JSON."""

import io
import json

import pytest

from evals_app.engine.case_files import (
    CaseRow,
    FileKind,
    FileProblem,
    Limits,
    ParsedFile,
    parse_cases,
    preview,
    read_cases,
)


def parse(data: bytes | str, *, filename: str = "cases.jsonl", **options) -> ParsedFile:
    content = data.encode() if isinstance(data, str) else data
    return parse_cases(io.BytesIO(content), filename=filename, **options)


HI = CaseRow(inputs={"question": "Hi"}, expected="Hello")
HO = CaseRow(inputs={"question": "Ho"}, expected="Hey")
HI_LINE = '{"question": "Hi", "expected": "Hello"}'
HO_LINE = '{"question": "Ho", "expected": "Hey"}'

READ = {
    "one object": (HI_LINE, [HI]),
    "two lines": (f"{HI_LINE}\n{HO_LINE}\n", [HI, HO]),
    "CR LF and blank lines": (f"\r\n{HI_LINE}\r\n\r\n  \r\n{HO_LINE}", [HI, HO]),
    "CR alone": (f"{HI_LINE}\r{HO_LINE}\r", [HI, HO]),
    "byte order mark": (f"\ufeff{HI_LINE}\n{HO_LINE}", [HI, HO]),
    "UTF-16": (f"{HI_LINE}\n{HO_LINE}".encode("utf-16"), [HI, HO]),
    "the API's form": (
        '{"key": "a", "inputs": {"question": "Hi"}, "expected": "Hello", "tags": ["x", "y, z"], '
        '"group": "g", "reference": "r", "previous": "p", "feedback": "f", '
        '"metadata": {"n": [1.5, null, {"a": true}]}}',
        [
            CaseRow(
                key="a",
                inputs={"question": "Hi"},
                expected="Hello",
                reference="r",
                previous="p",
                feedback="f",
                tags=["x", "y, z"],
                group="g",
                metadata={"n": [1.5, None, {"a": True}]},
            )
        ],
    ),
    "the API's form with an id, as the API shows it": (
        '{"id": 17, "inputs": {"question": "Hi"}, "expected": "Hello"}',
        [HI],
    ),
    "variables that are called like fields": (
        '{"inputs": {"expected": "a", "key": "b", "input:x": "c", " odd, name ": "d"}, "expected": "e"}',
        [CaseRow(inputs={"expected": "a", "key": "b", "input:x": "c", " odd, name ": "d"}, expected="e")],
    ),
    "both forms in one file": (f'{HI_LINE}\n{{"inputs": {{"question": "Ho"}}, "expected": "Hey"}}', [HI, HO]),
    "null is not given": (
        '{"question": "Hi", "context": null, "expected": null}\n{"question": "Ho", "context": "x"}',
        [CaseRow(inputs={"question": "Hi"}), CaseRow(inputs={"question": "Ho", "context": "x"})],
    ),
    "an empty text is given": (
        '{"question": "Hi", "context": "", "expected": ""}',
        [CaseRow(inputs={"question": "Hi", "context": ""}, expected="")],
    ),
    "numbers, yes/no, lists and objects as their JSON text": (
        '{"question": {"a": [1, "ü"]}, "x": 1.50, "y": true, "z": 9007199254740993}',
        [CaseRow(inputs={"question": '{"a": [1, "ü"]}', "x": "1.5", "y": "true", "z": "9007199254740993"})],
    ),
    "texts that look like formulas or like our marks stay": (
        '{"question": "=1+1", "context": "\'\'\'", "expected": "\'=x"}',
        [CaseRow(inputs={"question": "=1+1", "context": "'''"}, expected="'=x")],
    ),
    "marks of lines inside a text": (
        '{"question": "a\u2028b\u0085c\\nd", "expected": "Hello"}\n',
        [CaseRow(inputs={"question": "a\u2028b\x85c\nd"}, expected="Hello")],
    ),
    "a pair of surrogates": ('{"question": "\\ud83d\\ude00"}', [CaseRow(inputs={"question": "😀"})]),
    "fields that come later": (
        HI_LINE + '\n{"question": "Ho", "why": "so", "id": "k"}',
        [HI, CaseRow(key="k", inputs={"question": "Ho", "why": "so"})],
    ),
    "tags as a text": (
        '{"question": "Hi", "tags": "a, b;c"}',
        [CaseRow(inputs={"question": "Hi"}, tags=["a", "b", "c"])],
    ),
    "a list": (f"[{HI_LINE}, {HO_LINE}]", [HI, HO]),
    "a list over many lines": (json.dumps([json.loads(HI_LINE), json.loads(HO_LINE)], indent=2), [HI, HO]),
    "objects over many lines": (
        json.dumps(json.loads(HI_LINE), indent=2) + "\n" + json.dumps(json.loads(HO_LINE), indent=2),
        [HI, HO],
    ),
    "a list with white space around": (f"\ufeff \n [ {HI_LINE} \n,\n {HO_LINE} ] \n\n", [HI, HO]),
}


@pytest.mark.parametrize(("data", "cases"), READ.values(), ids=READ)
def test_reads(data, cases):
    parsed = parse(data)
    assert parsed.problems == []
    assert parsed.rows == cases


WRONG_ROWS = {
    "cut off": ('{"question": "Ho", "expe', "not JSON"),
    "two objects in one line": (f"{HO_LINE} {HI_LINE}", "more text after the end"),
    "single quotes": ("{'question': 'Ho'}", "not JSON"),
    "a comma at the end": ('{"question": "Ho",}', "not JSON"),
    "a text": ('"Ho"', "a text here instead of an object"),
    "a list": ('["Ho"]', "a list here instead of an object"),
    "null": ("null", "nothing here instead of an object"),
    "NaN": ('{"question": NaN}', "NaN is not a JSON value"),
    "infinity": ('{"question": "Ho", "expected": -Infinity}', "-Infinity is not a JSON value"),
    "a number beyond all bounds": ('{"question": 1e999}', "1e999 is too large"),
    "a whole number of 5,000 digits": ('{"question": ' + "9" * 5_000 + "}", "too many digits"),
    "nested 100,000 deep": ('{"question": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "a line break in a text": ('{"question": "H\to"}', "not JSON"),
    "a field twice": ('{"question": "Ho", "question": "He"}', "“question” comes twice"),
    "a variable twice": ('{"inputs": {"x": "1", "x": "2"}}', "“x” comes twice"),
    "a field without a name": ('{"": "Ho", "question": "x"}', "no name"),
    "an unknown field of a case": ('{"inputs": {"question": "Ho"}, "expectd": "x"}', "no field “expectd”"),
    "no inputs": ('{"inputs": {}, "expected": "x"}', "no input"),
    "empty inputs": ('{"inputs": {"question": " "}}', "no input"),
    "an empty object": ("{}", "no input"),
    "half of a pair of surrogates": ('{"question": "\\ud83d"}', "half of a character"),
    "a zero character": ('{"question": "a\\u0000b"}', "zero character"),
    "a zero character in metadata": (
        '{"inputs": {"q": "x"}, "metadata": {"a": ["\\u0000"]}}',
        "zero character",
    ),
    "half a pair in a name of metadata": (
        '{"inputs": {"q": "x"}, "metadata": {"\\udc00": 1}}',
        "half of a character",
    ),
    "metadata that is a list": ('{"inputs": {"q": "x"}, "metadata": [1]}', "must be a JSON object"),
    "metadata nested 500 deep": (
        '{"inputs": {"q": "x"}, "metadata": {"a": ' + "[" * 500 + "]" * 500 + "}}",
        "more than 100 levels",
    ),
    "inputs that came before": (HI_LINE, "The same inputs are already in line 1"),
}


@pytest.mark.parametrize(("line", "words"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_wrong_line_costs_that_line_only(line, words):
    parsed = parse(f"{HI_LINE}\n\n{line}\n{HO_LINE}\n")
    assert parsed.rows == [HI, HO]
    [problem] = parsed.problems
    assert problem.row == 3
    assert words in problem.message
    assert problem.message.endswith(".")


def test_an_escaped_backslash_before_u0000_is_no_zero_character():
    parsed = parse('{"inputs": {"q": "\\\\u0000"}, "metadata": {"a": "\\\\u0000"}}')
    assert parsed.rows == [CaseRow(inputs={"q": "\\u0000"}, metadata={"a": "\\u0000"})]


WRONG_FILES = {
    "an empty list": ("[]", "no cases in this file"),
    "a list that is not closed": (f"[{HI_LINE},\n{HO_LINE}", "From line 2 on .* the list is not closed"),
    "a list cut off inside a text": (f'[{HI_LINE},\n{{"question": "H', "From line 2 on this is not JSON"),
    "a missing comma": (f"[{HI_LINE}\n{HO_LINE}]", "From line 2 on .* a comma is missing"),
    "a comma after the last case": (f"[{HI_LINE},\n]", "a comma after the last case"),
    "text after the list": (
        f"[{HI_LINE}]\n[{HO_LINE}]",
        "From line 2 on .* more text after the end of the list",
    ),
    "the body that the API takes": (f'{{\n"cases": [{HI_LINE}]\n}}', "one object with the cases inside it"),
    "the body that the API takes, in one line": (
        f'{{"cases": [{HI_LINE}]}}',
        "one object with the cases inside it",
    ),
    "not a number in a list": (f'[{HI_LINE},\n{{"x": NaN}}]', "From line 2 on .* NaN is not a JSON value"),
    "two fields as the expected answer by wish": (HI_LINE, "both meant as expected"),
}


@pytest.mark.parametrize(("data", "words"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_refuses_the_file_in_a_sentence(data, words):
    mapping = {"question": "expected", "expected": "expected"} if "both" in words else None
    with pytest.raises(FileProblem, match=words) as caught:
        parse(data, mapping=mapping)
    assert str(caught.value).endswith(".")


def test_cases_before_the_break_in_a_long_list_are_handed_out_as_they_come():
    cases = "".join(f'{{"question": "q{number}"}},\n' for number in range(20_000))
    reader = read_cases(io.BytesIO(f"[{cases}{{tru}}]".encode()), filename="cases.json")
    got = []
    with pytest.raises(FileProblem, match=r"From line 20001 on this is not JSON"):
        for case in reader:
            got.append(case)
    assert len(got) == 20_000


def test_lines_of_a_list_are_those_of_the_file_and_positions_when_it_has_one_line():
    items = [json.loads(HI_LINE), "odd", json.loads(HO_LINE)]
    assert [problem.row for problem in parse(json.dumps(items)).problems] == [2]
    spread = parse(json.dumps(items, indent=1))
    assert [row.line for row in spread.rows] == [2, 7]
    assert [problem.row for problem in spread.problems] == [6]


def test_a_list_of_objects_longer_than_the_pieces_that_are_read():
    items = [{"question": f"{'äx' * 40_000} {number}", "expected": "y"} for number in range(6)]
    parsed = parse(json.dumps(items, ensure_ascii=False))
    assert [row.inputs["question"] for row in parsed.rows] == [item["question"] for item in items]


def test_one_object_that_never_ends_is_refused_before_it_is_in_memory():
    with pytest.raises(FileProblem, match="longer than 10,000 characters"):
        parse('[{"question": "' + "x" * 500_000, limits=Limits(row_chars=10_000))


def test_a_wanted_column_that_never_comes_is_said_at_the_end():
    with pytest.raises(FileProblem, match="no column “answer”; it has “question”, “expected”"):
        parse(f"{HI_LINE}\n{HO_LINE}", mapping={"answer": "expected"})


def test_a_wanted_column_may_come_late():
    lines = "\n".join(f'{{"question": "q{number}"}}' for number in range(300))
    parsed = parse(lines + '\n{"question": "last", "solution": "s"}', mapping={"solution": "expected"})
    assert parsed.rows[-1] == CaseRow(inputs={"question": "last"}, expected="s")


def test_too_many_different_fields_are_refused():
    lines = "\n".join(f'{{"field {number}": "x"}}' for number in range(30))
    with pytest.raises(FileProblem, match="more than 20 different fields"):
        parse(lines, limits=Limits(columns=20))


KINDS = {
    "lines": (HI_LINE, "cases.jsonl", FileKind.JSONL),
    "lines called CSV": (HI_LINE, "cases.csv", FileKind.JSONL),
    "lines without a name": (HI_LINE, "", FileKind.JSONL),
    "a list called JSONL": (f"[{HI_LINE}]", "cases.jsonl", FileKind.JSON),
    "a list called XLSX": (f"[{HI_LINE}]", "cases.xlsx", FileKind.JSON),
    "CSV called JSONL": ("question,expected\nHi,Hello", "cases.jsonl", FileKind.CSV),
    "CSV whose first name is in brackets": ("[question],expected\nHi,Hello", "cases.csv", FileKind.CSV),
    "CSV whose first name is in braces": ("{{question}},expected\nHi,Hello", "cases.csv", FileKind.CSV),
}


@pytest.mark.parametrize(("data", "filename", "kind"), KINDS.values(), ids=KINDS)
def test_the_content_tells_the_kind(data, filename, kind):
    parsed = parse(data, filename=filename)
    assert parsed.kind == kind
    assert [row.expected for row in parsed.rows] == ["Hello"]


def test_a_file_of_broken_lines_has_a_problem_for_each():
    parsed = parse('{"question": "Hi"\n{"question": "Ho"\n', mapping={"question": "input"})
    assert [problem.row for problem in parsed.problems] == [1, 2]


def test_a_preview_shows_the_fields_of_the_first_rows():
    shown = preview(io.BytesIO(f'{HI_LINE}\n{{"question": [1], "why": null}}\nodd'.encode()), filename="a.jsonl")
    assert shown.columns == ["question", "expected", "why"]
    assert shown.mapping == {"question": "input", "expected": "expected", "why": "input"}
    assert shown.rows == [["Hi", "Hello", ""], ["[1]", "", ""]]
    assert [problem.row for problem in shown.problems] == [3]
