"""A table of text fields in which several new cases are typed or pasted (static/js/grid.js)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evals_app.engine.case_files import CaseRow
from evals_app.forms.datasets import split_tags
from evals_app.services.datasets import CaseProblem

EMPTY_ROWS = 5
MOST_ROWS = 2_000
PREFIX = "cases"


@dataclass(slots=True)
class GridColumn:
    """A column: the field it fills (`input`, `expected`, `tags`, `key`) and its heading."""

    role: str
    heading: str
    note: str = ""


@dataclass(slots=True)
class GridCell:
    """One text field. `label` says for a screen reader where it is, `heading` above it where rows are cards."""

    name: str
    heading: str
    label: str
    value: str = ""
    error: str = ""


@dataclass(slots=True)
class GridRow:
    """One case being typed; `errors` belong to no cell."""

    number: int
    cells: list[GridCell]
    errors: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not any(cell.value.strip() for cell in self.cells)


class CaseGrid:
    """The table: its columns, and its rows as they were sent or, at first, a few empty ones."""

    def __init__(self, columns: Sequence[str], *, with_keys: bool = False, data: Mapping[str, str] | None = None):
        self.names = list(columns)
        self.columns = [GridColumn("input", name) for name in columns]
        self.columns.append(GridColumn("expected", "Expected answer", "optional"))
        self.columns.append(GridColumn("tags", "Tags", "optional"))
        if with_keys:
            self.columns.append(GridColumn("key", "Key", "optional"))
        total = _whole_number(data.get(f"{PREFIX}-TOTAL_FORMS", "")) if data is not None else EMPTY_ROWS
        self.too_many = total > MOST_ROWS
        self.rows = [self._row(number, data or {}) for number in range(min(total, MOST_ROWS))]

    @property
    def n_rows(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> GridRow:
        """An empty row for scripts to copy."""
        row = self._row(0, {})
        for at, cell in enumerate(row.cells):
            cell.name = f"{PREFIX}-__prefix__-{at}"
            cell.label = f"{self.columns[at].heading}, row __prefix__"
        return row

    def filled(self) -> list[GridRow]:
        """The rows in which something was typed."""
        return [row for row in self.rows if not row.is_empty]

    def cases(self) -> list[CaseRow]:
        """The cases of the filled rows, in order."""
        return [self._case(row) for row in self.filled()]

    def mark(self, problems: Sequence[CaseProblem]) -> None:
        """Show each problem, whose `row` counts the filled rows from 0, where it is."""
        filled = self.filled()
        for problem in problems:
            row = filled[problem.row]
            cell = next((cell for cell, name in self._named(row) if name == problem.field), None)
            if cell is not None:
                cell.error = problem.message
            else:
                row.errors.append(problem.message)

    def _named(self, row: GridRow) -> Iterator[tuple[GridCell, str]]:
        for cell, column in zip(row.cells, self.columns, strict=True):
            yield cell, column.heading if column.role == "input" else column.role

    def _row(self, number: int, data: Mapping[str, str]) -> GridRow:
        cells = []
        for at, column in enumerate(self.columns):
            name = f"{PREFIX}-{number}-{at}"
            value = data.get(name, "").replace("\r\n", "\n")
            cells.append(GridCell(name, column.heading, f"{column.heading}, row {number + 1}", value))
        return GridRow(number, cells)

    def _case(self, row: GridRow) -> CaseRow:
        texts = {column.role: cell.value for cell, column in zip(row.cells, self.columns, strict=True)}
        inputs = {
            column.heading: cell.value
            for cell, column in zip(row.cells, self.columns, strict=True)
            if column.role == "input"
        }
        return CaseRow(
            key=texts.get("key", "").strip() or None,
            inputs=inputs,
            expected=texts["expected"] or None,
            tags=split_tags(texts["tags"]),
        )


def _whole_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
