"""Records -> cases: each value put where its column belongs, and what is wrong said in a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evals_app.engine.files.columns import (
    SHARED_ROLES,
    Role,
    Target,
    check_mapping,
    guess_mapping,
    missing_column,
    parse_target,
)
from evals_app.engine.files.json_values import NotJson, decode
from evals_app.engine.files.lines import text_problem
from evals_app.engine.files.rows import CaseRow, FileProblem, Limits, Record, RowProblem
from evals_app.engine.files.seen import FirstLines

_TAG_BREAK = re.compile(r"[,;\n]")
_MOST_LEVELS = 100
_TEXT_ROLES = (Role.EXPECTED, Role.REFERENCE, Role.PREVIOUS, Role.FEEDBACK)


class WrongCell(ValueError):
    """A value that its column cannot take."""


class CaseBuilder:
    """Makes cases of records, one by one, and remembers which came before.

    Columns that turn up later (JSON objects need not be alike) are given a meaning then, by their name, as
    long as it is free.
    """

    def __init__(self, mapping: Mapping[str, str], limits: Limits, *, place: str = "line") -> None:
        check_mapping(mapping)
        self.mapping = dict(mapping)
        self._limits = limits
        self._place = place
        self._targets = {column: self._target(column, meaning) for column, meaning in mapping.items()}
        self._never_seen = {
            column for column, target in self._targets.items() if target.role is not Role.IGNORE
        }
        self._first_lines = FirstLines()

    def cases(self, records: Iterable[Record | RowProblem]) -> Iterator[CaseRow | RowProblem]:
        """A case, or the problems of its row, for each record. Raises FileProblem past the limit of rows."""
        for number, record in enumerate(records, start=1):
            if number > self._limits.rows:
                raise FileProblem(
                    f"The file has more than {self._limits.rows:,} rows. Split it into smaller files and "
                    "import them one after the other."
                )
            if isinstance(record, RowProblem):
                yield record
            else:
                yield from self._case(record)

    def check_columns(self) -> None:
        """Raises FileProblem when a column that was given a meaning came in no row at all."""
        for column in self._never_seen:
            raise missing_column(column, [name for name in self.mapping if name not in self._never_seen])

    def _case(self, record: Record) -> Iterator[CaseRow | RowProblem]:
        fields: dict[str, Any] = {}
        inputs: dict[str, str] = {}
        problems = []
        self._never_seen -= record.cells.keys()
        for column, cell in record.cells.items():
            target = self._targets.get(column) or self._new_target(column)
            try:
                if target.role is Role.INPUT:
                    inputs[target.variable] = "" if cell is None else self._text(cell)
                elif target.role is not Role.IGNORE and cell is not None:
                    fields[target.role.value] = self._value(target.role, cell)
            except WrongCell as wrong:
                problems.append(RowProblem(record.line, column, str(wrong)))
        if not problems:
            case = CaseRow(inputs=inputs, line=record.line, **fields)
            problems = [problem] if (problem := self._case_problem(case)) else []
            if not problems:
                yield case
        yield from problems

    def _value(self, role: Role, cell: Any) -> Any:
        if role is Role.TAGS:
            return self._tags(cell)
        if role is Role.METADATA:
            return _metadata(cell)
        text = self._text(cell)
        if role in _TEXT_ROLES:
            return text
        most_chars = self._limits.key_chars if role is Role.KEY else self._limits.group_chars
        return _short(text, most_chars) if text.strip() else None

    def _text(self, cell: Any) -> str:
        text = cell if isinstance(cell, str) else _json_text(cell)
        if len(text) > self._limits.cell_chars:
            raise WrongCell(
                f"This text has {len(text):,} characters; at most {self._limits.cell_chars:,} are allowed. "
                "Shorten it or take it out."
            )
        if problem := text_problem(text):
            raise WrongCell(problem)
        return text

    def _tags(self, cell: Any) -> list[str]:
        if isinstance(cell, str) and cell.lstrip().startswith("["):
            cell = _json_or_text(cell)
        if isinstance(cell, list):
            tags = [self._text(tag) for tag in cell]
        else:
            tags = [tag.strip() for tag in _TAG_BREAK.split(self._text(cell)) if tag.strip()]
        return [_short(tag, self._limits.tag_chars) for tag in tags]

    def _case_problem(self, case: CaseRow) -> RowProblem | None:
        line = case.line or 0
        if not any(value.strip() for value in case.inputs.values()):
            return RowProblem(
                line, "", "This case has no input. Fill in at least one variable, or take the row out."
            )
        if case.key is not None:
            column = next(name for name, target in self._targets.items() if target.role is Role.KEY)
            if before := self._first_lines.first_line(case.key, line):
                return RowProblem(
                    line,
                    column,
                    f"The key “{case.key}” is already in {self._place} {before}. Give each case a key of its "
                    "own, or do not "
                    f"use the column “{column}” as the key.",
                )
        elif before := self._first_lines.first_line(tuple(sorted(case.inputs.items())), line):
            return RowProblem(
                line,
                "",
                f"The same inputs are already in {self._place} {before}. Take one of them out, or give each "
                "a key of "
                "its own.",
            )
        return None

    def _new_target(self, column: str) -> Target:
        meaning = guess_mapping([column])[column]
        role = parse_target(column, meaning).role
        if role not in SHARED_ROLES and any(known.role is role for known in self._targets.values()):
            meaning = Role.INPUT.value
        if len(self._targets) == self._limits.columns:
            raise FileProblem(
                f"The cases have more than {self._limits.columns:,} different fields. Put what the prompt "
                "does not use into “metadata”."
            )
        self.mapping[column] = meaning
        check_mapping(self.mapping)
        self._targets[column] = self._target(column, meaning)
        return self._targets[column]

    def _target(self, column: str, meaning: str) -> Target:
        target = parse_target(column, meaning)
        if len(target.variable) > self._limits.name_chars:
            raise FileProblem(
                f"The name “{target.variable[:40]}…” has {len(target.variable):,} characters; at most "
                f"{self._limits.name_chars} are allowed. Shorten it."
            )
        return target


def _short(text: str, most_chars: int) -> str:
    if len(text) > most_chars:
        raise WrongCell(
            f"This has {len(text):,} characters; at most {most_chars} are allowed here. Shorten it."
        )
    return text


def _metadata(cell: Any) -> dict[str, Any]:
    value = _json_or_text(cell) if isinstance(cell, str) else cell
    if not isinstance(value, dict):
        raise WrongCell(
            'This must be a JSON object, like {"source": "chat"}. Write it so, or do not use the column as '
            "metadata."
        )
    for text in _texts(value):
        if problem := text_problem(text):
            raise WrongCell(problem)
    return value


def _texts(value: Any) -> Iterator[str]:
    """All texts in a JSON value, names of fields too. Raises WrongCell when it is nested too deeply."""
    level = [value]
    for _ in range(_MOST_LEVELS):
        below: list[Any] = []
        for part in level:
            if isinstance(part, str):
                yield part
            elif isinstance(part, dict):
                below += [*part, *part.values()]
            elif isinstance(part, list):
                below += part
        if not below:
            return
        level = below
    raise WrongCell(f"This is nested more than {_MOST_LEVELS} levels deep. Make it flatter.")


def _json_text(cell: Any) -> str:
    try:
        return json.dumps(cell, ensure_ascii=False)
    except RecursionError:
        raise WrongCell("This is nested too deeply. Make it flatter.") from None


def _json_or_text(cell: str) -> Any:
    try:
        return decode(cell)
    except NotJson:
        return cell
