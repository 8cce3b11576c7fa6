"""How messages look with the values that are typed now."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from prompts_app.forms import MessageRow
from prompts_app.rendering import parsed

MOST_CHARS = 200_000
TEXT, VALUE, EMPTY = "text", "value", "empty"


class PreviewPiece(NamedTuple):
    """A piece of a message: text of the prompt, a value that was typed, or a variable without one."""

    kind: str
    text: str


class PreviewMessage(NamedTuple):
    """A message as it would be sent; `cut` says that it is longer than what is shown."""

    role: str
    pieces: list[PreviewPiece]
    cut: bool = False


def preview(rows: Sequence[MessageRow], values: Mapping[str, str]) -> list[PreviewMessage]:
    """The messages with the values in them, at most 200,000 characters each; texts with mistakes as they are."""
    composed = {unicodedata.normalize("NFC", name): value for name, value in values.items()}
    return [_message(row, composed) for row in rows]


def _message(row: MessageRow, values: Mapping[str, str]) -> PreviewMessage:
    shown: list[PreviewPiece] = []
    room = MOST_CHARS
    for piece in _pieces(row.content, values):
        if len(piece.text) > room:
            shown.append(piece._replace(text=piece.text[:room]))
            return PreviewMessage(row.role, shown, cut=True)
        room -= len(piece.text)
        shown.append(piece)
    return PreviewMessage(row.role, shown)


def _pieces(text: str, values: Mapping[str, str]) -> Iterator[PreviewPiece]:
    template = parsed(text)
    if template.problems:
        yield PreviewPiece(TEXT, text)
        return
    yield PreviewPiece(TEXT, template.literals[0])
    for name, literal in zip(template.names, template.literals[1:], strict=True):
        value = values.get(name, "")
        yield PreviewPiece(VALUE, value) if value.strip() else PreviewPiece(EMPTY, f"{{{{{name}}}}}")
        yield PreviewPiece(TEXT, literal)
