r"""Patterns that people wrote, searched in texts that models wrote, in bounded time and memory.

Chosen by trial (bench of 27 hostile patterns, 2 cores):
- The `regex` package stops at its timeout, to within 0.05 s, but compiles `((a{10}){10})...` until no memory
  is left.
- RE2 refuses such patterns in milliseconds and cannot backtrack, but a pattern with thousands of counted
  repetitions still took 10-40 s over a megabyte; and its \w, \b and \d know only ASCII.
So RE2 compiles every pattern, which bounds its size, and searches when pattern size x text length is small
enough to end within half a second. Otherwise, and where \w and the like meet letters beyond ASCII, `regex`
searches under a timeout. RE2 knows no look-around and no back references; they are refused with a sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2
import regex

MOST_PATTERN_CHARS = 2_000
TIMEOUT_S = 0.4
# RE2's slowest way needs about 16 ns for one instruction and character.
MOST_STEPS = 25_000_000
_MOST_RE2_BYTES = 8 << 20
# What means something else in `regex` than in RE2 as soon as the text is not ASCII.
_PERL_CLASSES = ("\\w", "\\W", "\\b", "\\B", "\\d", "\\D", "\\s", "\\S", "[:")

_SURROGATES = re.compile("[\ud800-\udfff]")
_SENTENCES = {
    "missing )": "A round bracket is opened and not closed: add a ), or write \\( for the character itself.",
    "unexpected )": "A round bracket is closed that was never opened: write \\) for the character itself.",
    "missing ]": "A square bracket is opened and not closed: add a ], or write \\[ for the character itself.",
    "no argument for repetition": "A *, + or ? has nothing before it to repeat: write \\* for itself.",
    "bad repetition": "Two repetitions follow each other, like ** or ++. Keep one.",
    "invalid repetition size": "A repetition like {2000} is too large: 1,000 in all is the most.",
    "trailing \\": "The pattern ends in a single backslash. Write \\\\ for the character itself.",
    "invalid perl operator: (?P": "Named back references are not supported.",
    "invalid perl operator": "Look-ahead and look-behind, (?= (?! (?<= (?<!, are not supported.",
    "pattern too large": "The pattern is too large with its repetitions written out. Use smaller numbers.",
}


class BadPattern(ValueError):
    """The pattern cannot be used; the message says why and what to do."""


class TooSlow(Exception):
    """The search was cut off: whether the pattern matches is not known."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. `source` is in the words that both engines understand."""

    source: str
    re2: Any
    ascii_only: bool

    def find(self, text: str) -> str | None:
        """The first match in the text, or None. Raises TooSlow after about half a second."""
        text = _encodable(text)
        found = self.re2.search(text) if self._is_for_re2(text) else self._find_with_timeout(text)
        return None if found is None else str(found.group())

    def _is_for_re2(self, text: str) -> bool:
        if not self._is_quick(text):
            return False
        return self.ascii_only or text.isascii() or not any(part in self.source for part in _PERL_CLASSES)

    def _is_quick(self, text: str) -> bool:
        return self.re2.programsize * len(text) <= MOST_STEPS

    def _find_with_timeout(self, text: str) -> Any:
        flags = regex.VERSION0 | (regex.ASCII if self.ascii_only else 0)
        try:
            return regex.compile(self.source, flags).search(text, timeout=TIMEOUT_S)
        except TimeoutError as slow:
            raise TooSlow from slow
        except (regex.error, RecursionError) as unknown:  # what only RE2 knows, like (?U)
            if self._is_quick(text):
                return self.re2.search(text)
            raise TooSlow from unknown


@lru_cache(maxsize=128)
def compiled(
    pattern: str,
    *,
    ignore_case: bool = False,
    dot_is_newline: bool = False,
    by_line: bool = False,
    whole: bool = False,
    ascii_only: bool = False,
) -> Pattern:
    r"""A pattern ready to search. Raises BadPattern.

    `dot_is_newline`: . matches line breaks; `by_line`: ^ and $ match at each line; `whole`: the text must
    match from end to end; `ascii_only`: \w, \d, \b and \s mean ASCII, as in JavaScript and so in JSON Schema.
    """
    if len(pattern) > MOST_PATTERN_CHARS:
        raise BadPattern(f"The pattern has {len(pattern):,} characters; {MOST_PATTERN_CHARS:,} are allowed.")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_RE2_BYTES
    try:
        re2.compile(_encodable(pattern), options)  # on its own first: a stray ) must not close the group below
        source = f"\\A(?:{pattern})\\z" if whole else pattern
        on = "".join(flag for flag, wanted in (("i", ignore_case), ("s", dot_is_newline), ("m", by_line)) if wanted)
        source = f"(?{on}){source}" if on else source
        return Pattern(source, re2.compile(_encodable(source), options), ascii_only)
    except re2.error as refused:
        raise BadPattern(_sentence(refused)) from refused


def _sentence(refused: Exception) -> str:
    reason = refused.args[0] if refused.args else b""
    said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    if said.startswith("invalid escape sequence"):
        escape = said.rpartition(" ")[2]
        if escape[1:].isdigit():
            return f"Back references like {escape} are not supported."
        return f"{escape} is not known in a pattern. Write \\\\ for a backslash."
    for start, sentence in _SENTENCES.items():
        if said.startswith(start):
            return sentence
    return f"The pattern cannot be read: {said}."


def _encodable(text: str) -> str:
    """The text with lone surrogates, which no file or database can hold, replaced."""
    return _SURROGATES.sub("\ufffd", text)
