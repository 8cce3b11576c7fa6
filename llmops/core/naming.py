"""The rules for names: of what stands in addresses, and of people, projects and keys."""

from __future__ import annotations

import re
from unicodedata import category

NAME_CHARS = 120

_JOINERS = "\u200c\u200d"
_SELECTOR_OR_TONE = re.compile("[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
_FLAG_OF_A_REGION = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
_EMOJI = range(0x1F000, 0x1FB00)
"""Where emoji are, with places for those that are younger than this Python's tables."""

_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""


def name_problem(name: str) -> str:
    """What is wrong with a name for a prompt, dataset, evaluator or connection; empty when nothing is."""
    if not name.strip():
        return "Give it a name."
    if len(name) > NAME_CHARS:
        return f"A name has at most {NAME_CHARS} characters; this one has {len(name)}."
    if "/" in name or "\\" in name:
        return "A name may not contain a slash."
    if name != name.strip():
        return "A name may not begin or end with a space."
    return "Choose a name with letters or digits." if name in {".", ".."} else unseen_problem(name)


def unseen_problem(name: str) -> str:
    """What is wrong with any name: it does not look like what it is. Empty when it does."""
    if not _is_visible(name):
        return "A name may only contain visible characters."
    if not any(_shows(letter) for letter in name):
        return "Choose a name with letters or digits."
    return ""


def _is_visible(name: str) -> bool:
    """Nothing in it that shows nothing by itself, save what holds an emoji or a word of some scripts together."""
    rest = _FLAG_OF_A_REGION.sub("\U0001f3f4", name)
    return all(
        letter.isprintable() or ord(letter) in _EMOJI or (letter in _JOINERS and _joins(rest[:at], rest[at + 1 :]))
        for at, letter in enumerate(rest)
    )


def _joins(before: str, after: str) -> bool:
    """Whether a joiner belongs between the two: never beside a Latin letter, where two names would look the same."""
    before = _SELECTOR_OR_TONE.sub("", before)
    return bool(before and after) and _may_be_joined(before[-1]) and _may_be_joined(after[0])


def _may_be_joined(letter: str) -> bool:
    """Emoji and other symbols; letters of scripts without capitals, and their marks."""
    return ord(letter) in _EMOJI or category(letter) in {"So", "Sm", "Lo", "Mn", "Mc"}


def _shows(letter: str) -> bool:
    return (category(letter)[0] in "LNPS" or ord(letter) in _EMOJI) and letter not in _BLANKS
