"""Cells of a table that people open in a spreadsheet program: nothing in them may run, nothing may be lost.

Two things are written into the text of a cell, and taken out again on reading:

- A text that a spreadsheet program could take for a formula gets an apostrophe before it (llmops/formulas.py).
- A blank cell of `expected` and its like means "not given", so a text that is meant to be empty is written as
  two apostrophes (`''`); a variable that a case does not have is written as three, since a blank cell there
  is an empty text. Texts that look like these get two apostrophes more.

Both rules can be undone exactly, because a text that needs an apostrophe still needs one after it got one.
"""

from __future__ import annotations

import re

from llmops.formulas import neutralise, restore

MISSING = "'''"
_EMPTY = "''"

_MARKED = re.compile(r"('{2,})(\s*)")


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
