"""One cell of the list of cases, edited where it stands: a variable, the expected answer, or the tags."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evals_app.engine.case_files import CaseRow
from evals_app.forms.datasets import split_tags
from evals_app.models import CaseVersion
from evals_app.services.case_checks import row_of

VARIABLE = "in:"
EXPECTED, TAGS = "expected", "tags"


@dataclass(frozen=True, slots=True)
class CaseCell:
    """A cell by its name in addresses: `expected`, `tags`, or a variable after `in:`."""

    field: str

    @property
    def column(self) -> str:
        return self.field.removeprefix(VARIABLE) if self.field.startswith(VARIABLE) else ""

    @property
    def label(self) -> str:
        """What people call it."""
        return self.column or {EXPECTED: "Expected answer", TAGS: "Tags"}.get(self.field, "")

    def is_in(self, version: CaseVersion, columns: list[str]) -> bool:
        """Whether a case of a dataset with these columns has such a cell."""
        return self.field in (EXPECTED, TAGS) or self.column in (*columns, *version.inputs)

    def value(self, version: CaseVersion) -> str | None:
        """What stands in it; None when nothing was given."""
        if self.field == TAGS:
            return ", ".join(version.tags) or None
        return version.expected if self.field == EXPECTED else version.inputs.get(self.column)

    def row(self, version: CaseVersion, text: str) -> CaseRow:
        """The whole case with this text in the cell. What differs in line breaks alone is left as it was."""
        text, was, row = text.replace("\r\n", "\n"), self.value(version), row_of(version)
        if text == (was or "").replace("\r\n", "\n"):
            return row
        if self.field == TAGS:
            return replace(row, tags=split_tags(text))
        if self.field == EXPECTED:
            return replace(row, expected=text or None)
        return replace(row, inputs={**row.inputs, self.column: text})
