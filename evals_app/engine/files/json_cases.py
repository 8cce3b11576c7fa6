"""JSON objects -> records: flat fields, or the form that the API takes (`{"inputs": {...}, ...}`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from evals_app.engine.files.columns import Role, input_header
from evals_app.engine.files.json_values import JsonValue, NotJson, RepeatedField, decode
from evals_app.engine.files.lines import Line, showable, text_problem
from evals_app.engine.files.rows import ABSENT, BlankRows, FileProblem, Limits, Record, RowProblem

_CASE_FIELDS = frozenset(role.value for role in Role) - {Role.INPUT, Role.IGNORE}
# What the API shows of a case and does not take back.
_SHOWN_FIELDS = frozenset({"id", "inputs"})
_WHOLE_LINE = 'Write one object per line, like {"question": "...", "expected": "..."}.'


def line_records(lines: Iterable[Line | RowProblem], limits: Limits) -> Iterator[Record | RowProblem]:
    """JSON Lines: a broken line costs that line only; blank lines are skipped. Raises FileProblem."""
    blank = BlankRows(limits)
    for line in lines:
        if isinstance(line, RowProblem):
            yield line
        elif text := line.text.strip(" \t\r\n\ufeff"):
            yield _line_record(line.number, text)
        else:
            blank.skip()


def _line_record(number: int, text: str) -> Record | RowProblem:
    try:
        return record_of(JsonValue(number, decode(text)))
    except NotJson as wrong:
        where = f"character {wrong.at + 1}"
        return RowProblem(number, "", f"This line is not JSON: {wrong.message} ({where}). {_WHOLE_LINE}")


def value_records(values: Iterable[JsonValue]) -> Iterator[Record | RowProblem]:
    """The values of a JSON file."""
    return map(record_of, values)


def record_of(item: JsonValue) -> Record | RowProblem:
    """One object as a record. Raises FileProblem for an object that wraps a list of cases."""
    line, case = item
    if not isinstance(case, dict):
        return RowProblem(line, "", f"There is {_what(case)} here instead of an object. {_WHOLE_LINE}")
    if case.keys() == {"cases"} and isinstance(case["cases"], list):
        raise FileProblem(
            "This file is one object with the cases inside it. Keep the list alone, from “[” to “]”, or "
            "write one case per line."
        )
    inputs = case.get("inputs")
    if not isinstance(inputs, dict):
        return _problem_of_names(line, case) or _record(line, case)
    return (
        _problem_of_names(line, case)
        or _problem_of_names(line, inputs)
        or _problem_of_case(line, case)
        or _record(line, _case_cells(case, inputs))
    )


def _record(line: int, cells: Mapping[str, Any]) -> Record:
    return Record(line, {name: ABSENT if cell is None else cell for name, cell in cells.items()})


def _problem_of_names(line: int, fields: dict[str, Any]) -> RowProblem | None:
    if isinstance(fields, RepeatedField):
        name = showable(fields.name)
        return RowProblem(line, name, f"The field “{name}” comes twice. Keep one of them.")
    for name in fields:
        if not name.strip():
            return RowProblem(line, "", "A field has no name. Name it or take it out.")
        if problem := text_problem(name):
            return RowProblem(line, showable(name), f"The name of a field cannot be read. {problem}")
    return None


def _problem_of_case(line: int, case: Mapping[str, Any]) -> RowProblem | None:
    odd = next((name for name in case if name not in _CASE_FIELDS and name not in _SHOWN_FIELDS), None)
    if odd is None:
        return None
    return RowProblem(
        line,
        odd,
        f"A case has no field “{odd}”. Put it into “inputs” if the prompt uses it, else into “metadata”.",
    )


def _case_cells(case: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    cells = {_header(name): value for name, value in inputs.items()}
    return cells | {name: value for name, value in case.items() if name in _CASE_FIELDS}


_header = lru_cache(maxsize=1000)(input_header)


def _what(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else "a text" if isinstance(value, str) else "a single value"
