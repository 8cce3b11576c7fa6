"""What changed between the messages of two versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from prompts_app.diffing.sequences import blocks
from prompts_app.diffing.words import EQUAL, Piece, folded, word_pieces


class Change(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"


class MessageChange(NamedTuple):
    """What became of one message. `pieces` are its text; long stretches that stayed are folded."""

    change: Change
    role: str
    pieces: list[Piece]

    @property
    def message(self) -> tuple[str, str]:
        return self.role, "".join(piece.text for piece in self.pieces)


def message_changes(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> list[MessageChange]:
    """The messages, (role, content) each, in the order of reading; those taken out stand where they were."""
    changes = list(_changes(before, after))
    added, removed = (
        {change.message for change in changes if change.change is kind} for kind in (Change.ADDED, Change.REMOVED)
    )
    found: list[MessageChange] = []
    for change in changes:
        if change.change in (Change.ADDED, Change.REMOVED) and change.message in added & removed:
            if change.change is Change.ADDED:
                found.append(MessageChange(Change.MOVED, change.role, [Piece(EQUAL, change.message[1])]))
        else:
            found.append(change)
    return found


def _changes(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> Iterator[MessageChange]:
    keys = [["\x00".join(message) for message in side] for side in (before, after)]
    for block in blocks(*keys):
        if block.same:
            for role, content in before[block.a : block.a_end]:
                yield MessageChange(Change.SAME, role, [Piece(EQUAL, content)] if content else [])
        else:
            yield from _replaced(list(before[block.a : block.a_end]), list(after[block.b : block.b_end]))


def _replaced(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> Iterator[MessageChange]:
    """Messages of one role are taken for each other in their order."""
    for role, content in before:
        partner = next((at for at, message in enumerate(after) if message[0] == role), None)
        if partner is None:
            yield MessageChange(Change.REMOVED, role, word_pieces(content, ""))
            continue
        yield from (_added(message) for message in after[:partner])
        yield MessageChange(Change.CHANGED, role, folded(word_pieces(content, after[partner][1])))
        del after[: partner + 1]
    yield from (_added(message) for message in after)


def _added(message: tuple[str, str]) -> MessageChange:
    return MessageChange(Change.ADDED, message[0], word_pieces("", message[1]))
