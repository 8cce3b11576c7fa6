"""What each column of an uploaded file means, as a person chooses it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evals_app.engine.case_files import Preview
from evals_app.engine.files.columns import Role, parse_target
from prompts_app.rendering import MOST_NAME_CHARS, is_variable_name

EXAMPLES = 3
_NOT_IN_NAMES = re.compile(r"[^\w .-]+")


class Meaning(NamedTuple):
    """A choice for a column."""

    value: str
    label: str


MEANINGS = (
    Meaning(Role.INPUT, "Variable of the prompt"),
    Meaning(Role.EXPECTED, "Expected answer"),
    Meaning(Role.KEY, "Key of the case"),
    Meaning(Role.TAGS, "Tags"),
    Meaning(Role.REFERENCE, "Reference text"),
    Meaning(Role.PREVIOUS, "Previous answer"),
    Meaning(Role.FEEDBACK, "Feedback on the previous answer"),
    Meaning(Role.GROUP, "What belongs together"),
    Meaning(Role.METADATA, "Other facts (JSON)"),
    Meaning(Role.CASE, "Which case it is, as downloaded"),
    Meaning(Role.IGNORE, "Leave it out"),
)


@dataclass(slots=True)
class ColumnChoice:
    """One column: the first texts in it, what it means, and for a variable what it is called."""

    at: int
    column: str
    examples: list[str]
    meaning: str
    variable: str
    is_new: bool = False

    @property
    def odd_name(self) -> bool:
        """Whether no prompt can name the variable."""
        return self.meaning == Role.INPUT and not is_variable_name(self.variable)


def column_choices(
    found: Preview, *, known: Sequence[str], data: Mapping[str, str] | None = None
) -> list[ColumnChoice]:
    """A choice for each column: as sent in `data`, else as guessed. `known` are the dataset's variables."""
    choices = []
    by_plain_name = {_plain(name): name for name in known}
    for at, column in enumerate(found.columns):
        meaning, variable = _guess(column, found.mapping[column])
        variable = variable if variable in known else by_plain_name.get(_plain(variable), variable)
        if data is not None and data.get(f"column_{at}") == column:
            meaning = data.get(f"meaning_{at}", meaning)
            variable = data.get(f"name_{at}", "").strip() or variable
        choice = ColumnChoice(at, column, [row[at] for row in found.rows[:EXAMPLES]], meaning, variable)
        choice.is_new = bool(known) and meaning == Role.INPUT and variable not in known
        choices.append(choice)
    return choices


def column_map(choices: Sequence[ColumnChoice]) -> dict[str, str]:
    """The choices as the reader of files takes them."""
    return {
        choice.column: f"{Role.INPUT}:{choice.variable}" if choice.meaning == Role.INPUT else choice.meaning
        for choice in choices
    }


def missing_variables(choices: Sequence[ColumnChoice], *, known: Sequence[str]) -> list[str]:
    """Variables of the dataset that the file does not have."""
    there = {choice.variable for choice in choices if choice.meaning == Role.INPUT}
    return [name for name in known if name not in there]


def _guess(column: str, meaning: str) -> tuple[str, str]:
    """Role and name of a variable for a column; a heading that no prompt could name is tidied up."""
    target = parse_target(column, meaning)
    if target.role is not Role.INPUT:
        return str(target.role), _tidy(column)
    explicit = meaning != Role.INPUT
    return Role.INPUT, target.variable if explicit else _tidy(target.variable)


def _plain(name: str) -> str:
    """A name without what people write now so, now so: Customer_Name and customer name are one."""
    return " ".join(re.sub(r"[\W_]+", " ", name).casefold().split())


def _tidy(column: str) -> str:
    if is_variable_name(column):
        return column
    name = " ".join(_NOT_IN_NAMES.sub(" ", column).split()).lstrip("-.")[:MOST_NAME_CHARS].strip()
    return name if is_variable_name(name) else column
