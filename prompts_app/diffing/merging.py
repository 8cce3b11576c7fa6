"""Putting the changes of two people together (a three-way merge, line by line and sentence by sentence)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from prompts_app.diffing.sequences import blocks
from prompts_app.diffing.words import lines

_MARK = "\x00"  # cannot be in a message that can be stored
_MESSAGE = re.compile(rf"{_MARK}(\w*){_MARK}\n")


class By(StrEnum):
    """Who changed a part: nobody, one of the two, both in the same way, or both differently."""

    NOBODY = "nobody"
    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"
    CONFLICT = "conflict"


class Choice(StrEnum):
    """What becomes of a part that both changed differently."""

    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"


class Part(NamedTuple):
    """A part of a text in its three states."""

    by: By
    base: str
    mine: str
    theirs: str


def merge(base: str, mine: str, theirs: str) -> list[Part]:
    """The text in parts. Joined, the parts' `base`, `mine` and `theirs` are the three texts."""
    texts = lines(base), lines(mine), lines(theirs)
    return [Part(_by(*states), *states) for states in _states(*texts)]


def merged(parts: Sequence[Part], choices: Mapping[int, Choice]) -> str:
    """One text of all parts; `choices` says of each conflict, by its place in `parts`, what becomes of it.

    Raises KeyError for a conflict without a choice.
    """
    return "".join(_taken(part, choices[at] if part.by is By.CONFLICT else None) for at, part in enumerate(parts))


def messages_text(messages: Sequence[tuple[str, str]]) -> str:
    """(role, content) pairs as one text, so that messages put in or taken out merge like lines."""
    return "".join(f"{_MARK}{role}{_MARK}\n{content}\n" for role, content in messages)


def text_messages(text: str) -> list[tuple[str, str]]:
    """The (role, content) pairs of a text that `messages_text` made, or that was merged from such texts."""
    _, *parts = _MESSAGE.split(text)
    return [(role, content.removesuffix("\n")) for role, content in zip(parts[::2], parts[1::2], strict=True)]


def shown(text: str, roles: Mapping[str, str]) -> str:
    """Such a text for people: the marks as headings, in the words of `roles`."""
    return _MESSAGE.sub(lambda found: f"{roles.get(found[1], found[1])}:\n", text)


def _by(base: str, mine: str, theirs: str) -> By:
    if mine == theirs:
        return By.NOBODY if mine == base else By.BOTH
    if mine == base:
        return By.THEIRS
    return By.MINE if theirs == base else By.CONFLICT


def _taken(part: Part, choice: Choice | None) -> str:
    if choice is Choice.BOTH:
        return part.theirs + part.mine
    return part.theirs if part.by is By.THEIRS or choice is Choice.THEIRS else part.mine


def _states(base: list[str], mine: list[str], theirs: list[str]) -> Iterator[tuple[str, str, str]]:
    """Stretches that nobody changed, and what lies between them."""
    at = at_mine = at_theirs = 0
    for start, end, to_mine, to_theirs in [*_unchanged(base, mine, theirs), (len(base), len(base), None, None)]:
        mine_at = len(mine) if to_mine is None else to_mine
        theirs_at = len(theirs) if to_theirs is None else to_theirs
        changed = base[at:start], mine[at_mine:mine_at], theirs[at_theirs:theirs_at]
        if len(changed[0]) == len(changed[1]) == len(changed[2]):
            yield from zip(*changed, strict=True)  # neighbours, perhaps changed by one each
        else:
            yield "".join(changed[0]), "".join(changed[1]), "".join(changed[2])
        same = "".join(base[start:end])
        if same:
            yield same, same, same
        at, at_mine, at_theirs = end, mine_at + end - start, theirs_at + end - start


def _unchanged(
    base: list[str], mine: list[str], theirs: list[str]
) -> Iterator[tuple[int, int, int | None, int | None]]:
    """Stretches of the base that are in both others: where from, where to, and where they begin in each."""
    ours = [block for block in blocks(base, mine) if block.same]
    others = [block for block in blocks(base, theirs) if block.same]
    at = to = 0
    while at < len(ours) and to < len(others):
        left, right = ours[at], others[to]
        start, end = max(left.a, right.a), min(left.a_end, right.a_end)
        if start < end:
            yield start, end, left.b + start - left.a, right.b + start - right.a
        if left.a_end <= right.a_end:
            at += 1
        else:
            to += 1
