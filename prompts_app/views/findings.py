"""What the messages that are being written hold: variables, mistakes, and what was perhaps meant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prompts_app.forms import MessageRow
from prompts_app.rendering import check_template, single_brace_names, variables_in
from prompts_app.services.prompts import MOST_CHARS


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the prompt, with what was typed for it in Try it."""

    name: str
    value: str

    @property
    def field_id(self) -> str:
        """The same for the same name, so that a field keeps its text while others come and go."""
        return "value-" + hashlib.sha256(self.name.encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Findings:
    """Variables in order of appearance, and sentences for people."""

    variables: list[Variable]
    problems: list[str]
    hints: list[str]


def findings(rows: Sequence[MessageRow], values: Mapping[str, str]) -> Findings:
    """Look through the messages as they are now."""
    total = sum(len(row.content) for row in rows)
    if total > MOST_CHARS:
        too_long = f"The prompt has {total:,} characters; {MOST_CHARS:,} are allowed. Shorten it."
        return Findings([], [too_long], [])
    names = dict.fromkeys(name for row in rows for name in variables_in(row.content))
    problems = [
        f"{_where(at, rows)} {found.line}, column {found.column}: {found.message}"
        for at, row in enumerate(rows)
        for found in check_template(row.content)
    ]
    single = dict.fromkeys(name for row in rows for name in single_brace_names(row.content))
    hints = [
        f"{{{name}}} has single braces, so it stays as it is. Write {{{{{name}}}}} if a value belongs there."
        for name in list(single)[:5]
    ]
    return Findings([Variable(name, values.get(name, "")) for name in names], problems[:20], hints)


def _where(at: int, rows: Sequence[MessageRow]) -> str:
    return f"Message {at + 1}, line" if len(rows) > 1 else "Line"
