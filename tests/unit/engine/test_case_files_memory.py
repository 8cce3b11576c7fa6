"""R39, the short form: an import's memory does not follow its rows. The full form is bench/import_memory.py."""

import tempfile
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals_app.engine.case_files import CaseRow, read_cases, write_cases
from evals_app.engine.files.seen import FirstLines

BYTES_PER_ROW = 40  # what it may cost to know a case again: 12 bytes in a table that is a third to two thirds full


def cases(n_rows: int) -> Iterator[CaseRow]:
    for number in range(n_rows):
        yield CaseRow(key=f"case-{number}", inputs={"question": f"What is {number} + 1?"}, expected=str(number))


def peak(n_rows: int, format: str) -> int:
    with tempfile.TemporaryFile() as file:
        write_cases(cases(n_rows), file, format=format, variables=["question"])
        tracemalloc.start()
        try:
            reader = read_cases(file, filename="")
            tracemalloc.reset_peak()  # telling the encoding takes two megabytes, whatever the file
            assert sum(isinstance(item, CaseRow) for item in reader) == n_rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_memory_does_not_follow_the_rows(format):
    peak(100, format)
    small, large = peak(2_000, format), peak(20_000, format)
    assert large - small < 18_000 * BYTES_PER_ROW


@given(st.lists(st.text("abc", max_size=3) | st.tuples(st.text("ab", max_size=2)), max_size=200))
def test_the_first_line_of_each_thing_is_remembered(things):
    seen, expected = FirstLines(), {}
    for line, thing in enumerate(things, start=1):
        assert seen.first_line(thing, line) == expected.get(thing)
        expected.setdefault(thing, line)


def test_the_table_grows_and_forgets_nothing():
    seen = FirstLines()
    for number in range(20_000):
        assert seen.first_line(f"key {number}", number + 1) is None
    assert [seen.first_line(f"key {number}", 99_999) for number in range(20_000)] == list(range(1, 20_001))
