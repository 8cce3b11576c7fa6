"""Cells of a table that people open in a spreadsheet program: nothing in them may run, nothing may be lost.

Two things are written into the text of a cell, and taken out again on reading:

- A text that a spreadsheet program could take for a formula gets an apostrophe before it (OWASP, "CSV
  Injection"): one that begins with = + - @, tab or carriage return, also in their full-width and small
  forms, and also after quotes, white space or invisible characters.
- A blank cell of `expected` and its like means "not given", so a text that is meant to be empty is written as
  two apostrophes (`''`); a variable that a case does not have is written as three, since a blank cell there
  is an empty text. Texts that look like these get two apostrophes more.

Both rules can be undone exactly, because a text that needs an apostrophe still needs one after it got one.
"""

from __future__ import annotations

import re

MISSING = "'''"
_EMPTY = "''"

_SKIPPED = "\x00-\x20\x7f\x85\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
_QUOTES = "'\"`\u00b4\u00ab\u00bb\u2018-\u201f\u2039\u203a\u300c-\u300f\uff02\uff07"
_SIGNS = "=+\\-@\t\r\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_DANGEROUS = re.compile(f"[{_SKIPPED}{_QUOTES}]*[{_SIGNS}]")
_MARKED = re.compile(r"('{2,})(\s*)")


def neutralise(text: str) -> str:
    """The text with an apostrophe before it when a spreadsheet program could take it for a formula."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(text: str) -> str:
    """What `neutralise` was given."""
    return text[1:] if text[:1] == "'" and _DANGEROUS.match(text, 1) else text


def cell_of(text: str) -> str:
    """How a text is written into a cell that may also be blank."""
    marked = _MARKED.fullmatch(text)
    if not text.strip() or marked:
        text = _EMPTY + text
    return neutralise(text)


def text_of(cell: str) -> str:
    """What `cell_of` was given; `MISSING` stays as it is."""
    cell = restore(cell)
    marked = _MARKED.fullmatch(cell)
    if marked is None or len(marked[1]) == len(MISSING):
        return cell
    return cell[len(_EMPTY) :]
