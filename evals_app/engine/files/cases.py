"""Records -> cases: each value put where its column belongs, and what is wrong said in a sentence."""

from __future__ import annotations

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
from evals_app.engine.files.rows import ABSENT, CaseRow, FileProblem, Limits, Record, RowProblem
from evals_app.engine.files.seen import FirstLines
from evals_app.engine.files.values import CellValues, WrongCell


class CaseBuilder:
    """Makes cases of records, one by one, and remembers which came before.

    Columns that turn up later (JSON objects need not be alike) are given a meaning then, by their name, as
    long as it is free.
    """

    def __init__(self, mapping: Mapping[str, str], limits: Limits, *, place: str = "line") -> None:
        self.mapping = dict(mapping)
        self._limits = limits
        self._place = place
        self._values = CellValues(limits)
        self._targets = {column: self._target(column, meaning) for column, meaning in mapping.items()}
        self._never_seen = {column for column, target in self._targets.items() if target.role is not Role.IGNORE}
        self._first_lines = FirstLines()
        self._check_mapping()

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
        """Raises FileProblem when a column that was given a meaning came in no row, though others did."""
        seen = [column for column in self.mapping if column not in self._never_seen]
        if seen and self._never_seen:
            raise missing_column(min(self._never_seen), seen)

    def _case(self, record: Record) -> Iterator[CaseRow | RowProblem]:
        fields: dict[str, Any] = {}
        inputs: dict[str, str] = {}
        problems = []
        self._never_seen -= record.cells.keys()
        for column, cell in record.cells.items():
            target = self._targets.get(column) or self._new_target(column)
            if cell is ABSENT or target.role is Role.IGNORE:
                continue
            try:
                if target.role is Role.INPUT:
                    inputs[target.variable] = self._values.text(cell) or ""
                elif cell is not None:
                    fields[target.role.value] = self._values.of(target.role, cell)
            except WrongCell as wrong:
                problems.append(RowProblem(record.line, column, str(wrong)))
        if not problems:
            case = CaseRow(inputs=inputs, line=record.line, **fields)
            problems = [problem] if (problem := self._case_problem(case)) else []
            if not problems:
                yield case
        yield from problems

    def _case_problem(self, case: CaseRow) -> RowProblem | None:
        line = case.line or 0
        if case.case is not None and (before := self._first_lines.first_line(("case", case.case), line)):
            column = next(name for name, target in self._targets.items() if target.role is Role.CASE)
            return RowProblem(
                line,
                column,
                f"The case {case.case} is already in {self._place} {before}. If this row is a copy that became a new "
                "case, clear this cell.",
            )
        if not any(value.strip() for value in case.inputs.values()):
            return RowProblem(line, "", "This case has no input. Fill in at least one variable, or take the row out.")
        if case.key is not None:
            column = next(name for name, target in self._targets.items() if target.role is Role.KEY)
            if before := self._first_lines.first_line(case.key, line):
                return RowProblem(
                    line,
                    column,
                    f"The key “{case.key}” is already in {self._place} {before}. Give each case a key of its "
                    f"own, or do not use the column “{column}” as the key.",
                )
        elif before := self._first_lines.first_line(tuple(sorted(case.inputs.items())), line):
            return RowProblem(
                line,
                "",
                f"The same inputs are already in {self._place} {before}. Take one of them out, or give each "
                "a key of its own.",
            )
        return None

    def _new_target(self, column: str) -> Target:
        meaning = guess_mapping([column])[column]
        role = parse_target(column, meaning).role
        if role not in SHARED_ROLES and any(known.role is role for known in self._targets.values()):
            meaning = Role.INPUT.value
        self.mapping[column] = meaning
        self._check_mapping()
        self._targets[column] = self._target(column, meaning)
        return self._targets[column]

    def _check_mapping(self) -> None:
        check_mapping(self.mapping)
        if len(self.mapping) > self._limits.columns:
            raise FileProblem(
                f"The cases have more than {self._limits.columns:,} different fields. Put what the prompt "
                "does not use into “metadata”."
            )

    def _target(self, column: str, meaning: str) -> Target:
        target = parse_target(column, meaning)
        if len(target.variable) > self._limits.name_chars:
            raise FileProblem(
                f"The name “{target.variable[:40]}…” has {len(target.variable):,} characters; at most "
                f"{self._limits.name_chars} are allowed. Shorten it."
            )
        return target
