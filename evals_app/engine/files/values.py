"""Cells -> values of a case's fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from evals_app.engine.files.columns import Role
from evals_app.engine.files.json_values import NotJson, decode
from evals_app.engine.files.lines import text_problem
from evals_app.engine.files.rows import BadCell, Limits

_TAG_BREAK = re.compile(r"[,;\n]")
_MOST_LEVELS = 100


class WrongCell(ValueError):
    """A value that its column cannot take; the message says what to do."""


class CellValues:
    """Cells of tables, which are texts, and of JSON files, which have a type."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def of(self, role: Role, cell: Any) -> str | int | list[str] | dict[str, Any] | None:
        """The value of a field of the case; None when the cell holds nothing for it. Raises WrongCell."""
        if role is Role.TAGS:
            return self._tags(cell)
        if role is Role.METADATA:
            return self._metadata(cell)
        if role is Role.CASE:
            return self._case(cell)
        text = self.text(cell)
        if role is Role.KEY or role is Role.GROUP:
            most_chars = self._limits.key_chars if role is Role.KEY else self._limits.group_chars
            return _short(text, most_chars) if text and text.strip() else None
        return text

    def text(self, cell: Any) -> str | None:
        """A text as it is, None as None, anything else as its JSON text. Raises WrongCell."""
        if cell is None:
            return None
        if isinstance(cell, BadCell):
            raise WrongCell(cell.problem)
        text = cell if isinstance(cell, str) else _json_text(cell)
        if len(text) > self._limits.cell_chars:
            raise WrongCell(
                f"This text has {len(text):,} characters; at most {self._limits.cell_chars:,} are allowed. "
                "Shorten it or take it out."
            )
        if problem := text_problem(text):
            raise WrongCell(problem)
        return text

    def _case(self, cell: Any) -> int | None:
        text = (self.text(cell) or "").strip()
        if text and not (text.isascii() and text.isdigit() and len(text) < 19):
            raise WrongCell(
                "This is not the number of a case, as a download writes it. Put it back, or clear the cell to make "
                "this a new case."
            )
        return int(text) if text else None

    def _tags(self, cell: Any) -> list[str]:
        """A list, or texts between commas, semicolons or line breaks."""
        if isinstance(cell, str) and cell.lstrip().startswith("["):
            cell = _json_or_text(cell)
        if isinstance(cell, list):
            tags = [self.text(tag) or "" for tag in cell]
        else:
            tags = [tag.strip() for tag in _TAG_BREAK.split(self.text(cell) or "") if tag.strip()]
        return [_short(tag, self._limits.tag_chars) for tag in tags]

    def _metadata(self, cell: Any) -> dict[str, Any]:
        if isinstance(cell, str):
            cell = _json_or_text(self.text(cell) or "")
        if not isinstance(cell, dict):
            raise WrongCell(
                'This must be a JSON object, like {"source": "chat"}. Write it so, or choose another meaning '
                "for the column."
            )
        for text in _texts(cell):
            if problem := text_problem(text):
                raise WrongCell(problem)
        return cell


def _short(text: str, most_chars: int) -> str:
    if len(text) > most_chars:
        raise WrongCell(f"This has {len(text):,} characters; at most {most_chars} are allowed here. Shorten it.")
    return text


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
