"""What a case must be like to be stored, and what makes it the same case as another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion
from evals_app.services.input_schemas import input_misfit

MOST_CELL_CHARS = 1_000_000
MOST_KEY_CHARS = 200
MOST_GROUP_CHARS = 200
MOST_COLUMN_CHARS = 100
MOST_COLUMNS = 500
MOST_TAG_CHARS = 60
MOST_TAGS = 50


class CaseProblem(NamedTuple):
    """What is wrong with one row. `row` counts from 0; for files it is the line, counted from 1."""

    row: int
    field: str
    message: str


class WrongCases(ValueError):
    """Some rows are wrong and nothing was stored. `n_rows` counts them all; `problems` may be the first of many."""

    def __init__(self, problems: Sequence[CaseProblem], *, n_rows: int | None = None) -> None:
        self.problems = problems
        self.n_rows = len({problem.row for problem in problems}) if n_rows is None else n_rows
        are = "row is" if self.n_rows == 1 else "rows are"
        super().__init__(f"{self.n_rows:,} {are} wrong, so nothing was stored.")


def case_problems(rows: Sequence[CaseRow], schema: Mapping[str, Any] | None = None) -> list[CaseProblem]:
    """Everything in these rows that cannot be stored: each row by itself, and keys or inputs that come twice."""
    problems: list[CaseProblem] = []
    first_at: dict[str, int] = {}
    for at, row in enumerate(rows):
        found = row_problems(at, row, schema)
        problems += found
        if found:
            continue
        before = first_at.setdefault(identity_of(row), at)
        if before != at:
            problems.append(twice(at, before, key=row.key, counted="row"))
    return problems


def row_problems(at: int, row: CaseRow, schema: Mapping[str, Any] | None = None) -> list[CaseProblem]:
    """What is wrong with one row by itself; `at` is its number, `schema` that of the dataset's inputs."""
    wrong = list(_wrong_fields(row))
    if not wrong and (misfit := input_misfit(schema, row.inputs)):
        wrong = [misfit]
    return [CaseProblem(at, field, message) for field, message in wrong]


def twice(at: int, before: int, *, key: str | None, counted: str) -> CaseProblem:
    """The problem of a row that is the same case as the one numbered `before`; `counted` is "row" or "line"."""
    if key:
        message = f"The key “{_short(key)}” is already in {counted} {before:,}. Give each case a key of its own."
        return CaseProblem(at, "key", message)
    return CaseProblem(at, "inputs", f"The same inputs are already in {counted} {before:,}. Take one of them out.")


def identity_of(row: CaseRow) -> str:
    """What makes it the same case: its key or, without one, its inputs."""
    return f"key:{row.key}" if row.key else f"inputs:{_hash(dict(row.inputs))}"


def content_of(row: CaseRow) -> dict[str, Any]:
    """The columns of a case version, with their hash."""
    content: dict[str, Any] = {
        "inputs": dict(row.inputs),
        "expected": row.expected,
        "reference": row.reference,
        "previous": row.previous,
        "feedback": row.feedback,
        "tags": list(dict.fromkeys(row.tags)),
        "group": row.group or "",
        "metadata": dict(row.metadata or {}),
    }
    return content | {"content_hash": _hash(content)}


def row_of(version: CaseVersion) -> CaseRow:
    """A stored version as a row, which imports again as the same."""
    return CaseRow(
        key=version.case.key or None,
        inputs=version.inputs,
        expected=version.expected,
        reference=version.reference,
        previous=version.previous,
        feedback=version.feedback,
        tags=version.tags,
        group=version.group or None,
        metadata=version.metadata,
        case=version.case_id,
    )


def _wrong_fields(row: CaseRow) -> Iterator[tuple[str, str]]:
    if not any(value.strip() for value in row.inputs.values()):
        yield "inputs", "This case has no input. Fill in at least one variable."
    if len(row.inputs) > MOST_COLUMNS:
        yield "inputs", f"A case has at most {MOST_COLUMNS} variables; this one has {len(row.inputs):,}."
    for name in row.inputs:
        yield from _wrong_name(name)
    for field, text in _texts(row):
        if len(text) > MOST_CELL_CHARS:
            yield (
                field,
                f"This text has {len(text):,} characters; {MOST_CELL_CHARS:,} are allowed. Shorten it.",
            )
        elif not is_storable(text):
            yield (
                field,
                "This text holds a character that cannot be stored (NUL or half a character). Take it out.",
            )
    yield from _wrong_labels(row)
    yield from _wrong_metadata(row.metadata)


def _wrong_name(name: str) -> Iterator[tuple[str, str]]:
    if not name.strip():
        yield "inputs", "A variable has no name. Give its column a heading."
    elif len(name) > MOST_COLUMN_CHARS:
        yield (
            _short(name),
            f"A variable's name has at most {MOST_COLUMN_CHARS} characters; this has {len(name):,}.",
        )
    elif not is_storable(name):
        yield "inputs", "The name of a variable holds a character that cannot be stored. Type it anew."


def _texts(row: CaseRow) -> Iterator[tuple[str, str]]:
    yield from row.inputs.items()
    for field in ("expected", "reference", "previous", "feedback", "key", "group"):
        if text := getattr(row, field):
            yield field, text
    yield from (("tags", tag) for tag in row.tags)


def _wrong_labels(row: CaseRow) -> Iterator[tuple[str, str]]:
    if len(row.key or "") > MOST_KEY_CHARS:
        yield "key", f"A key has at most {MOST_KEY_CHARS} characters; this one has {len(row.key or ''):,}."
    if len(row.group or "") > MOST_GROUP_CHARS:
        yield (
            "group",
            f"A group has at most {MOST_GROUP_CHARS} characters; this one has {len(row.group or ''):,}.",
        )
    if len(row.tags) > MOST_TAGS:
        yield "tags", f"A case has at most {MOST_TAGS} tags; this one has {len(row.tags):,}."
    for tag in row.tags:
        if not tag.strip():
            yield "tags", "A tag is empty. Take it out."
        elif len(tag) > MOST_TAG_CHARS:
            yield "tags", f"The tag “{_short(tag)}” is too long: {MOST_TAG_CHARS} characters are allowed."


def _wrong_metadata(metadata: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if not metadata:
        return
    try:
        chars = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        yield "metadata", "These facts hold a value that cannot be stored, such as NaN. Take it out."
        return
    if chars > MOST_CELL_CHARS:
        yield "metadata", f"These facts have {chars:,} characters; {MOST_CELL_CHARS:,} are allowed."
    elif not all(map(is_storable, texts_in(metadata))):
        yield (
            "metadata",
            "These facts hold a character that cannot be stored (NUL or half a character). Take it out.",
        )


def texts_in(value: Any) -> Iterable[str]:
    """Every text in a JSON value, names included."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple)):
            waiting += item


def is_storable(text: str) -> bool:
    """Postgres keeps neither NUL nor lone surrogates."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _hash(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
