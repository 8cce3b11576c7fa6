"""CSV as people and programs really write it: what is read, what is refused, and with which words."""

import io

import pytest

from evals_app.engine.case_files import CaseRow, FileProblem, Limits, ParsedFile, parse_cases, preview


def parse(data: bytes | str, *, filename: str = "cases.csv", **options) -> ParsedFile:
    content = data.encode() if isinstance(data, str) else data
    return parse_cases(io.BytesIO(content), filename=filename, **options)


def pairs(parsed: ParsedFile) -> list[tuple[dict[str, str], str | None]]:
    return [(dict(row.inputs), row.expected) for row in parsed.rows]


ONE = [({"question": "Hi"}, "Hello")]

READ = {
    "comma": ("question,expected\nHi,Hello\n", ONE),
    "no line break at the end": ("question,expected\nHi,Hello", ONE),
    "CR LF": ("question,expected\r\nHi,Hello\r\n", ONE),
    "CR alone, as old Macs wrote": ("question,expected\rHi,Hello\r", ONE),
    "semicolon": ("question;expected\nHi;Hello\n", ONE),
    "tab": ("question\texpected\nHi\tHello\n", ONE),
    "bar": ("question|expected\nHi|Hello\n", ONE),
    "UTF-8 with byte order mark": (b"\xef\xbb\xbfquestion,expected\nHi,Hello\n", ONE),
    "quoted header after a byte order mark": (b'\xef\xbb\xbf"question","expected"\n"Hi","Hello"\n', ONE),
    "header with white space around the names": (" question , expected \nHi,Hello\n", ONE),
    "header of two lines in one cell": ('question,"Expected\nanswer"\nHi,Hello\n', ONE),
    "Excel's sep= line": ("sep=;\r\nquestion;expected\r\nHi;Hello\r\n", ONE),
    "Excel's sep= line with a tab": ("SEP=\t\nquestion\texpected\nHi\tHello\n", ONE),
    "Excel's sep= line in quotes after a mark": (b'\xef\xbb\xbf"sep=;"\nquestion;expected\nHi;Hello\n', ONE),
    "sep= wins over what the rows look like": (
        "sep=,\nquestion,expected\na;b;c,d;e;f\n",
        [({"question": "a;b;c"}, "d;e;f")],
    ),
    "blank rows before, between and after": ("\n\nquestion,expected\n\n,\nHi,Hello\n  , \n\n\n", ONE),
    "delimiters after the last column": ("question,expected,,\nHi,Hello,,\n", ONE),
    "a comma in quotes": ('question,expected\n"Well, hi",Hello\n', [({"question": "Well, hi"}, "Hello")]),
    "a quote in quotes": ('question,expected\n"Say ""hi""",Hello\n', [({"question": 'Say "hi"'}, "Hello")]),
    "a quote inside a text without quotes": (
        'question,expected\nA 5" pipe,Hello\n',
        [({"question": 'A 5" pipe'}, "Hello")],
    ),
    "line breaks in quotes stay as they are": (
        'question,expected\r\n"one\r\ntwo\nthree\rfour",Hello\r\n',
        [({"question": "one\r\ntwo\nthree\rfour"}, "Hello")],
    ),
    "a space before each quote": (
        'question, expected\n"Well, hi", "Hello, you"\n',
        [({"question": "Well, hi"}, "Hello, you")],
    ),
    "white space in texts stays": ("question,expected\n Hi , Hello \n", [({"question": " Hi "}, " Hello ")]),
    "numbers, dates and leading zeros stay as written": (
        "question,expected\n007,1.50\n2026-01-02,1e5\n",
        [({"question": "007"}, "1.50"), ({"question": "2026-01-02"}, "1e5")],
    ),
    "a blank expected answer is none": (
        "question,expected\nHi,\nHo,  \n",
        [({"question": "Hi"}, None), ({"question": "Ho"}, None)],
    ),
    "a blank variable is an empty text": (
        "question,context,expected\nHi,,Hello\n",
        [({"question": "Hi", "context": ""}, "Hello")],
    ),
    "semicolons, with commas in the numbers": (
        "question;expected\nHow much, please?;3,50\nAnd, now?;4,50\n",
        [({"question": "How much, please?"}, "3,50"), ({"question": "And, now?"}, "4,50")],
    ),
    "commas, with more semicolons than commas in the texts": (
        "question,expected\na; b; c; d,Hello\ne; f; g; h,Hello\n",
        [({"question": "a; b; c; d"}, "Hello"), ({"question": "e; f; g; h"}, "Hello")],
    ),
    "one column, with commas in the texts": (
        "question\nHello, you\nWho, what, when?\nHi\n",
        [
            ({"question": "Hello, you"}, None),
            ({"question": "Who, what, when?"}, None),
            ({"question": "Hi"}, None),
        ],
    ),
    "one column and one row": ("question\nHello, you\n", [({"question": "Hello, you"}, None)]),
    "one column, with every mark that could divide cells": (
        "question\na long text, then\x1fmore; and|yet\tmore\n",
        [({"question": "a long text, then\x1fmore; and|yet\tmore"}, None)],
    ),
    "marks of lines that only Unicode knows": (
        "question,expected\na\u2028b\u2029c\x0bd\x0ce\x85f,Hello\n",
        [({"question": "a\u2028b\u2029c\x0bd\x0ce\x85f"}, "Hello")],
    ),
    "emoji, right-to-left, combining": (
        "question,expected\n👩‍👩‍👧 שלום e\u0301,नमस्ते\n",
        [({"question": "👩‍👩‍👧 שלום e\u0301"}, "नमस्ते")],
    ),
    "many names of the expected answer": (
        "Question,Ground-Truth Answer,expectedAnswer\nHi,x,Hello\n",
        [({"Question": "Hi", "Ground-Truth Answer": "x"}, "Hello")],
    ),
    "a variable that is called like a Python word or holds braces": (
        "class name,{{x}},expected\nA,B,C\n",
        [({"class name": "A", "{{x}}": "B"}, "C")],
    ),
    "only the last row is odd": ('question,expected\nHi,Hello\n"",""\n', ONE),
}


@pytest.mark.parametrize(("data", "cases"), READ.values(), ids=READ)
def test_reads(data, cases):
    parsed = parse(data)
    assert parsed.problems == []
    assert pairs(parsed) == cases


WRONG_ROWS = {
    "a cell too many": (
        "question,expected\nHi,Hello\nWell, hi,Hello\nHo,Hey\n",
        [(3, "", "3 cells, but there are 2 columns. Put a text that contains a comma in double quotes")],
    ),
    "a cell too few": (
        "question;expected\nHi;Hello\nHo\nHe;Hey\n",
        [(3, "", "1 cell, but there are 2 columns. Put a text that contains a line break in double quotes")],
    ),
    "a line break without quotes": (
        "question,expected\nHi,Hello\none\ntwo,Hey\nHe,Ho\n",
        [(3, "", "1 cell, but there are 2 columns")],
    ),
    "a quote that is never closed costs its row only": (
        'question,expected\nHi,Hello\n"Ho,Hey\nHe,Ho\nHa,Hu\n',
        [(3, "", "never closed")],
    ),
    "a quote that the next quoted text closes": (
        'question,expected\nHi,Hello\n"Ho,Hey\n"He, you",Ho\n',
        [(3, "", "single double quote inside a quoted text")],
    ),
    "quotes with a backslash": (
        'question,expected\nHi,Hello\n"say \\"ho\\"",Hey\n',
        [(3, "", 'Write it twice ("")')],
    ),
    "lines are counted through texts of several lines": (
        'question,expected\n"a\nb\nc",Hello\n"d\ne",Hey,what\n',
        [(5, "", "3 cells, but there are 2 columns")],
    ),
    "lines are counted through the sep= line and blank lines": (
        "sep=;\n\nquestion;expected\n\nHi;Hello\n\nHo;Hey;Ha\n",
        [(7, "", "3 cells")],
    ),
    "a key that came before": (
        "id,question\n1,Hi\n2,Ho\n1,He\n",
        [(4, "id", "The key “1” is already in line 2. Give each case a key of its own, or do not use")],
    ),
    "inputs that came before": (
        "question,expected\nHi,Hello\nHo,Hey\nHi,Hey\n",
        [(4, "", "The same inputs are already in line 2")],
    ),
    "a row without inputs": ("question,expected\nHi,Hello\n,Hey\n", [(3, "", "This case has no input")]),
    "a cell in a column without a name": (
        "question,,expected\nHi,,Hello\nHo,x,Hey\n",
        [(3, "", "Column 2 has content here but no name")],
    ),
    "a zero character": ("question,expected\nHi,Hello\nH\x00o,Hey\n", [(3, "question", "zero character")]),
    "a byte that is not UTF-8 in a file that is": (
        "question,expected\nGrüße,Hellö\nÄh,Öh\n".encode() + b"Stra\xdfe,x\n",
        [(4, "question", "bytes that are not UTF-8. Save the file as UTF-8")],
    ),
    "metadata that is no object": (
        'question,metadata\nHi,chat\nHo,"{""a"": 1}"\n',
        [(2, "metadata", 'must be a JSON object, like {"source": "chat"}')],
    ),
    "a tag as long as a text": (f"question,tags\nHi,{'x' * 61}\n", [(2, "tags", "at most 60")]),
    "a key as long as a text": (f"question,key\nHi,{'x' * 201}\n", [(2, "key", "at most 200")]),
    "several wrong cells in one row": (
        f"question,key,tags\nHi,{'x' * 201},{'y' * 61}\n",
        [(2, "key", "at most 200"), (2, "tags", "at most 60")],
    ),
}


@pytest.mark.parametrize(("data", "problems"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_says_which_row_is_wrong_and_what_to_do(data, problems):
    parsed = parse(data)
    assert [(problem.row, problem.field) for problem in parsed.problems] == [(row, name) for row, name, _ in problems]
    for problem, (_, _, words) in zip(parsed.problems, problems, strict=True):
        assert words in problem.message
        assert problem.message.endswith(".")


@pytest.mark.parametrize(("data", "problems"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_wrong_row_leaves_the_other_rows_as_they_are(data, problems):
    """Every row that is not blank is a case or has a problem."""
    parsed = parse(data)
    wrong = {row for row, _, _ in problems}
    assert wrong.isdisjoint(row.line for row in parsed.rows)
    assert len(parsed.rows) + len(wrong) == sum(1 for _ in _rows_of(data))


def _rows_of(data):
    """The rows of the files above, counted by hand-made rules: no delimiter stands inside quotes there."""
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    text = text.replace("a\nb\nc", "abc").replace("d\ne", "de").removeprefix("sep=;\n")
    lines = [line for line in text.split("\n") if line.strip(";, ")]
    return lines[1:]


WRONG_FILES = {
    "empty": (b"", "The file is empty"),
    "byte order mark alone": (b"\xef\xbb\xbf", "The file is empty"),
    "white space alone": (b" \r\n\t\n  ", "The file is empty"),
    "delimiters alone": (b",,,\n,,,\n", "The file is empty"),
    "header alone": (b"question,expected\n", "column names in line 1, but no rows below them"),
    "header and blank rows": (b"question,expected\n,\n\n", "no rows below them"),
    "two columns of one name": (
        b"question,id,question\na,1,b\n",
        "columns 1 and 3 are both called “question”",
    ),
    "two names that differ in white space": (b"question, question \na,b\n", "both called “question”"),
    "a title above the names": (
        b"My cases\nquestion,expected\na,b\nc,d\n",
        "Line 1 has one cell, but the rows below it have more",
    ),
    "no names, but a long text": (
        ("x" * 300 + ",y\na,b\n").encode(),
        "Does line 1 hold the names of the columns?",
    ),
    "no variable": (b"id,expected\n1,a\n", "No column is a variable of the prompt"),
    "a name that cannot be read": (
        b'question,"expe"cted"\nHi,Hello\n',
        "The names of the columns cannot be read",
    ),
    "UTF-16 cut off in the middle": ("question,expected\nHi,Hello".encode("utf-16")[:-1], "cut off"),
}


@pytest.mark.parametrize(("data", "words"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_refuses_the_file_in_a_sentence(data, words):
    with pytest.raises(FileProblem, match=words.replace("?", r"\?")) as caught:
        parse(data)
    assert str(caught.value).endswith(".")


TEXT = "question,expected\nGrüße, bitte\u20ac,Ça va\n".replace(", bitte", " bitte")
ENCODINGS = {
    "UTF-8": ("utf-8", "UTF-8", False),
    "UTF-8 with mark": ("utf-8-sig", "UTF-8", False),
    "UTF-16 with mark": ("utf-16", "UTF-16", False),
    "UTF-32 with mark": ("utf-32", "UTF-32", False),
    "UTF-16 little end, no mark": ("utf-16-le", "UTF-16", False),
    "UTF-16 big end, no mark": ("utf-16-be", "UTF-16", False),
    "Windows-1252": ("cp1252", "Windows-1252", True),
}


@pytest.mark.parametrize(("codec", "name", "is_guess"), ENCODINGS.values(), ids=ENCODINGS)
def test_reads_the_encoding_and_says_which_it_took(codec, name, is_guess):
    parsed = parse(TEXT.encode(codec))
    assert pairs(parsed) == [({"question": "Grüße bitte€"}, "Ça va")]
    assert parsed.encoding == name
    assert bool(parsed.notes) == is_guess
    if is_guess:
        assert f"read as {name}" in parsed.notes[0]


def test_latin_1_reads_as_itself():
    parsed = parse("question,expected\nGrüße,Ça va\n".encode("latin-1"))
    assert pairs(parsed) == [({"question": "Grüße"}, "Ça va")]


def test_bytes_that_windows_1252_leaves_out_are_latin_1():
    parsed = parse(b"question,expected\nGr\xfc\xdfe\x81,x\n")
    assert parsed.encoding == "Latin-1"
    assert parsed.rows[0].inputs == {"question": "Grüße\x81"}


def test_an_umlaut_at_the_very_end_of_a_large_file_decides_the_encoding():
    rows = "".join(f"question number {number},yes\n" for number in range(60_000))
    parsed = parse(f"question,expected\n{rows}Grüße,ja\n".encode("cp1252"))
    assert parsed.encoding == "Windows-1252"
    assert parsed.rows[-1].inputs == {"question": "Grüße"}


def test_utf_8_in_which_a_character_crosses_the_pieces_that_are_read():
    text = "question,expected\n" + "".join(f"{'ä' * 997}{number},x\n" for number in range(2_000))
    for shift in range(2):
        parsed = parse(b"\n" * shift + text.encode())
        assert parsed.encoding == "UTF-8"
        assert len(parsed.rows) == 2_000


def test_a_cell_may_be_as_long_as_the_limit_and_not_longer():
    limits = Limits(cell_chars=1_000)
    assert parse(f"question\n{'x' * 1_000}\n", limits=limits).problems == []
    [problem] = parse(f"question\n{'x' * 1_001}\n", limits=limits).problems
    assert (problem.row, problem.field) == (2, "question")
    assert "1,001 characters; at most 1,000 are allowed" in problem.message


def test_a_million_characters_in_one_quoted_cell():
    text = ('x, "" \n' * 142_857)[:999_999]
    parsed = parse(f'question,expected\n"{text.rstrip(chr(34))}",yes\nHi,Hello\n')
    assert parsed.problems == []
    assert len(parsed.rows[0].inputs["question"]) > 800_000
    assert len(parsed.rows) == 2


def test_a_line_longer_than_any_row_may_be_is_skipped_as_it_streams_by():
    limits = Limits(row_chars=10_000)
    parsed = parse(f"question,expected\nHi,Hello\n{'x' * 50_000},Hey\nHo,Hey\n", limits=limits)
    assert [row.line for row in parsed.rows] == [2, 4]
    [problem] = parsed.problems
    assert problem.row == 3
    assert "more than 10,000 characters" in problem.message


def test_a_quote_that_is_never_closed_does_not_swallow_the_file():
    rows = "".join(f"q{number},a\n" for number in range(20_000))
    parsed = parse(f'question,expected\n"oops,x\n{rows}', limits=Limits(row_chars=50_000))
    assert [problem.row for problem in parsed.problems] == [2]
    assert len(parsed.rows) == 20_000


def test_quotes_that_are_never_closed_in_every_row_take_time_in_proportion():
    """Each broken row is read again from its second line; that must not multiply."""
    parsed = parse("question,expected\n" + "".join(f'"q{n},""a""\n' for n in range(20_000)))
    assert len(parsed.rows) == 0
    assert parsed.n_problems == 20_000
    assert len(parsed.problems) == 1_000


def test_limits_of_size_rows_and_columns():
    data = "question,expected\nHi,Hello\nHo,Hey\n"
    with pytest.raises(FileProblem, match=r"The file has more than 0\.0 MB\. Split it"):
        parse(data, limits=Limits(file_bytes=20))
    with pytest.raises(FileProblem, match="more than 1 rows"):
        parse(data, limits=Limits(rows=1))
    assert len(parse(data, limits=Limits(rows=2)).rows) == 2
    with pytest.raises(FileProblem, match="2 columns; at most 1 are allowed"):
        parse(data, limits=Limits(columns=1))


BLANK = {
    "lines before the names": "\n" * 101 + "question\nHi\n",
    "lines between the rows": "question\nHi\n" + "\r\n" * 101,
    "rows of delimiters": "question,expected\nHi,Hello\n" + " ,\n" * 101,
    "lines between objects": '{"question": "Hi"}\n' + " \n" * 101 + '{"question": "Ho"}\n',
}


@pytest.mark.parametrize("data", BLANK.values(), ids=BLANK)
def test_a_file_of_blank_rows_is_given_up(data):
    assert len(parse(data, limits=Limits(blank_rows=101)).rows) >= 1
    with pytest.raises(FileProblem, match="blank rows for the most part"):
        parse(data, limits=Limits(blank_rows=100))


def test_the_delimiter_is_told_below_any_number_of_blank_lines():
    parsed = parse("\n" * 100_000 + "question;expected\nHi, you;Hello\n")
    assert pairs(parsed) == [({"question": "Hi, you"}, "Hello")]
    assert parsed.rows[0].line == 100_002


def test_100_mb_are_the_limit():
    class Huge(io.BytesIO):
        """Says that it is one byte longer than allowed, and may not be read."""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 100 * 1024 * 1024 + 1 if whence == 2 else 0

        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("read before its size was looked at")

    with pytest.raises(FileProblem, match=r"The file has more than 100 MB\. Split it"):
        parse_cases(Huge(), filename="cases.csv")


def test_tags_groups_and_the_rest_go_where_they_belong():
    parsed = parse(
        "ID,Question,Answer,Reference text,Old answer,Feedback,Tags,Conversation ID,Metadata\n"
        'c-1,Hi,Hello,ref,old,good,"critical, edge case; new",g1,"{""source"": ""chat"", ""n"": [1, null]}"\n'
        'c-2,Ho,,,,,"[""a, b"", ""c""]",,\n'
    )
    assert parsed.rows == [
        CaseRow(
            key="c-1",
            inputs={"Question": "Hi"},
            expected="Hello",
            reference="ref",
            previous="old",
            feedback="good",
            tags=["critical", "edge case", "new"],
            group="g1",
            metadata={"source": "chat", "n": [1, None]},
        ),
        CaseRow(key="c-2", inputs={"Question": "Ho"}, tags=["a, b", "c"]),
    ]
    assert [row.line for row in parsed.rows] == [2, 3]


def test_a_preview_shows_cells_meaning_and_what_was_assumed():
    stream = io.BytesIO("Frage;Label;Notiz\nGrüße;ja;\nÄhm;nein;x;zu viel\nOh;ja;\n".encode("cp1252"))
    shown = preview(stream, filename="Fragen.csv", n=2)
    assert shown.columns == ["Frage", "Label", "Notiz"]
    assert shown.mapping == {"Frage": "input", "Label": "expected", "Notiz": "input"}
    assert shown.rows == [["Grüße", "ja", ""]]
    assert [problem.row for problem in shown.problems] == [3]
    assert (shown.kind, shown.delimiter, shown.encoding) == ("csv", ";", "Windows-1252")
    assert len(parse_cases(stream, filename="Fragen.csv").rows) == 2, "the stream can be read again from its start"
    assert not stream.closed
