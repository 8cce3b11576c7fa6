"""JSON objects -> records: flat fields, or the form that the API takes (`{"inputs": {...}, ...}`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from evals_app.engine.files.columns import Role, input_header
from evals_app.engine.files.json_values import JsonValue, NotJson, RepeatedField, decode
from evals_app.engine.files.lines import Line
from evals_app.engine.files.rows import ABSENT, FileProblem, Record, RowProblem

_CASE_FIELDS = frozenset(role.value for role in Role) - {Role.INPUT, Role.IGNORE}
# What the API shows of a case and does not take back.
_SHOWN_FIELDS = frozenset({"id", "inputs"})
_WHOLE_LINE = 'Write one object per line, like {"question": "...", "expected": "..."}.'


def line_records(lines: Iterable[Line | RowProblem]) -> Iterator[Record | RowProblem]:
    """JSON Lines: a broken line costs that line only; blank lines are skipped."""
    for line in lines:
        if isinstance(line, RowProblem):
            yield line
        elif text := line.text.strip(" \t\r\n\ufeff"):
            try:
                value = decode(text)
            except NotJson as wrong:
                yield RowProblem(
                    line.number,
                    "",
                    f"This line is not JSON: {wrong.message} (character {wrong.at + 1}). {_WHOLE_LINE}",
                )
            else:
                yield record_of(JsonValue(line.number, value))


def value_records(values: Iterable[JsonValue]) -> Iterator[Record | RowProblem]:
    """The values of a JSON file."""
    return map(record_of, values)


def record_of(item: JsonValue) -> Record | RowProblem:
    """One object as a record. Raises FileProblem for an object that wraps a list of cases."""
    line, value = item
    if not isinstance(value, dict):
        return RowProblem(line, "", f"There is {_what(value)} here instead of an object. {_WHOLE_LINE}")
    for fields in (value, value.get("inputs")):
        if isinstance(fields, RepeatedField):
            return RowProblem(line, fields.name, f"The field “{fields.name}” comes twice. Keep one of them.")
        if isinstance(fields, dict) and not all(name.strip() for name in fields):
            return RowProblem(line, "", "A field has no name. Name it or take it out.")
    if value.keys() == {"cases"} and isinstance(value["cases"], list):
        raise FileProblem(
            "This file is one object with the cases inside it. Keep the list alone, from “[” to “]”, or "
            "write one case per line."
        )
    inputs = value.get("inputs")
    cells = _case_cells(value, inputs) if isinstance(inputs, dict) else value
    if isinstance(inputs, dict) and (odd := next((name for name in value if not _is_case_field(name)), "")):
        return RowProblem(
            line,
            odd,
            f"A case has no field “{odd}”. Put it into “inputs” if the prompt uses it, else into “metadata”.",
        )
    return Record(line, {name: ABSENT if cell is None else cell for name, cell in cells.items()})


def _is_case_field(name: str) -> bool:
    return name in _CASE_FIELDS or name in _SHOWN_FIELDS


def _case_cells(case: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    cells = {_header(name): value for name, value in inputs.items()}
    return cells | {name: value for name, value in case.items() if name in _CASE_FIELDS}


_header = lru_cache(maxsize=1000)(input_header)


def _what(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else "a text" if isinstance(value, str) else "a single value"
