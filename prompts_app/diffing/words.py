"""What changed in a text, word by word: pieces that are the same, taken out or put in.

Lines and sentences are compared first, then the words of those that differ. A word is what a reader takes for one:
letters and digits together, each sign by itself, a variable as a whole, and one character at a time in
scripts that put no spaces between words (Chinese, Japanese, Thai). What is put together of several code
points (é, flags, families) is never torn apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import regex

from prompts_app.diffing.sequences import blocks

EQUAL, DELETE, INSERT, FOLD = "equal", "delete", "insert", "fold"
_KEPT_LINES = 2
_KEPT_CHARS = 240
_WORTH_FOLDING = 400
_LEAST_COMMON = 0.15
_WORD = regex.compile(
    r"""
      \{\{[^{}\n]{1,120}\}\}
    | \n
    | [^\S\n]+
    | (?=[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])\X
    | [[\p{L}\p{M}\p{N}_'’]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]+
    | \X
    """,
    regex.VERBOSE | regex.VERSION1,
)


_LINE = regex.compile(r"(?<=\n)|(?<=[.!?。！？]\s)(?=\S)", regex.VERSION1)


class Piece(NamedTuple):
    """A piece of a comparison; `op` is equal, delete, insert, or fold: equal and long, not shown at first.

    `note` says of a fold how much it holds.
    """

    op: str
    text: str
    note: str = ""


def words(text: str) -> list[str]:
    """The words, signs and white space of a text, nothing left out."""
    return list(_WORD.findall(text))


def lines(text: str) -> list[str]:
    """The text cut after line breaks and ends of sentences, nothing left out."""
    return [part for part in _LINE.split(text) if part]


def word_pieces(before: str, after: str) -> list[Piece]:
    """How `before` became `after`. Without the inserted pieces it reads as before, without the deleted as after."""
    if before == after:
        return [Piece(EQUAL, before)] if before else []
    ours, theirs = lines(before), lines(after)
    pieces: list[Piece] = []
    for block in blocks(ours, theirs):
        old, new = "".join(ours[block.a : block.a_end]), "".join(theirs[block.b : block.b_end])
        pieces += [Piece(EQUAL, old)] if block.same else _by_words(old, new)
    return _merged(pieces)


def folded(pieces: Sequence[Piece]) -> list[Piece]:
    """The same pieces with long equal ones folded but for the lines next to a change."""
    shown: list[Piece] = []
    last = len(pieces) - 1
    for at, piece in enumerate(pieces):
        if piece.op == EQUAL and len(piece.text) > _WORTH_FOLDING:
            shown += _fold(piece.text, head=at > 0, tail=at < last)
        else:
            shown.append(piece)
    return shown


def size_words(text: str) -> str:
    """How much a text is, in words: "12 lines", or "3,400 characters" of one line."""
    lines = text.count("\n") + (not text.endswith("\n"))
    return f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"


def _by_words(before: str, after: str) -> list[Piece]:
    whole = [Piece(op, text) for op, text in ((DELETE, before), (INSERT, after)) if text]
    if not (before and after):
        return whole
    ours, theirs = words(before), words(after)
    found = [(block.same, ours[block.a : block.a_end], theirs[block.b : block.b_end]) for block in blocks(ours, theirs)]
    common = sum(len("".join("".join(old).split())) for same, old, _ in found if same)
    if common < _LEAST_COMMON * max(len(before), len(after)):
        return whole  # a few words in common by chance would only be in the way
    pieces: list[Piece] = []
    for same, old, new in _slid(found):
        if same:
            pieces.append(Piece(EQUAL, "".join(old)))
        else:
            pieces += [Piece(op, "".join(part)) for op, part in ((DELETE, old), (INSERT, new)) if part]
    return _smooth([piece for piece in pieces if piece.text])


_Step = tuple[bool, list[str], list[str]]


def _slid(steps: list[_Step]) -> list[_Step]:
    """The same steps, with what was only put in or only taken out moved to where a line or a sentence begins.

    "lie[.↵Say sorry].↵" says the same as "lie.↵[Say sorry.↵]", which is how it was written.
    """
    for at in range(1, len(steps) - 1):
        same, old, new = steps[at]
        if same or (old and new) or not (steps[at - 1][0] and steps[at + 1][0]):
            continue
        text = steps[at - 1][1] + (old or new) + steps[at + 1][1]
        start, size = len(steps[at - 1][1]), len(old or new)
        first = start
        while first > 0 and text[first - 1] == text[first + size - 1]:
            first -= 1
        last = start
        while last + size < len(text) and text[last] == text[last + size]:
            last += 1
        best = max(range(first, last + 1), key=lambda place: (_fits(text[:place]), place == start))
        moved = text[best : best + size]
        before, after = text[:best], text[best + size :]
        steps[at - 1] = (True, before, before)
        steps[at] = (False, moved if old else [], moved if new else [])
        steps[at + 1] = (True, after, after)
    return steps


def _fits(before: Sequence[str]) -> int:
    """How good a place this is for a change to begin: a new line, a new sentence, a new word."""
    if not before or before[-1] == "\n":
        return 3
    if not before[-1].isspace():
        return 0
    return 2 if len(before) > 1 and before[-2] in {".", "!", "?"} else 1


def _smooth(pieces: list[Piece]) -> list[Piece]:
    """Short common words inside of long changes become part of the change: a sentence is read in one go."""
    smooth: list[Piece] = []
    for at, piece in enumerate(pieces):
        inside = 0 < at < len(pieces) - 1
        if piece.op == EQUAL and inside and "\n" not in piece.text:
            least = min(_length(reversed(pieces[:at])), _length(pieces[at + 1 :]))
            if 3 * len(piece.text.strip()) <= least:
                smooth += [Piece(DELETE, piece.text), Piece(INSERT, piece.text)]
                continue
        smooth.append(piece)
    return smooth


def _length(pieces: Iterable[Piece]) -> int:
    """How long the change is that these pieces begin with."""
    longest = 0
    for piece in pieces:
        if piece.op == EQUAL:
            break
        longest = max(longest, len(piece.text))
    return longest


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """One deletion and one insertion for each change, in this order, and equal neighbours made one."""
    merged: list[Piece] = []
    texts = {DELETE: "", INSERT: ""}

    def finish_change() -> None:
        for op in (DELETE, INSERT):
            if texts[op]:
                merged.append(Piece(op, texts[op]))
            texts[op] = ""

    for piece in pieces:
        if piece.op != EQUAL:
            texts[piece.op] += piece.text
            continue
        finish_change()
        if merged and merged[-1].op == EQUAL:
            merged[-1] = Piece(EQUAL, merged[-1].text + piece.text)
        else:
            merged.append(piece)
    finish_change()
    return merged


def _fold(text: str, *, head: bool, tail: bool) -> list[Piece]:
    start = _cut_after(text) if head else 0
    end = _cut_before(text) if tail else len(text)
    if end - start < _WORTH_FOLDING // 2:
        return [Piece(EQUAL, text)]
    middle = text[start:end]
    pieces = [Piece(EQUAL, text[:start]), Piece(FOLD, middle, size_words(middle)), Piece(EQUAL, text[end:])]
    return [piece for piece in pieces if piece.text]


def _cut_after(text: str) -> int:
    """Where the first lines, or the first words of a long line, end."""
    at = -1
    for _ in range(_KEPT_LINES):
        following = text.find("\n", at + 1)
        if following < 0 or following > _KEPT_CHARS:
            break
        at = following
    return at + 1 if at >= 0 else max(text.rfind(" ", 0, _KEPT_CHARS) + 1, 0) or _KEPT_CHARS


def _cut_before(text: str) -> int:
    """Where the last lines, or the last words of a long line, begin."""
    at = len(text)
    for _ in range(_KEPT_LINES):
        earlier = text.rfind("\n", 0, max(at - 1, 0))
        if earlier < 0 or len(text) - earlier > _KEPT_CHARS:
            break
        at = earlier + 1
    if at < len(text):
        return at
    space = text.find(" ", len(text) - _KEPT_CHARS)
    return space + 1 if space >= 0 else len(text) - _KEPT_CHARS
