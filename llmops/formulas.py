"""Texts that a spreadsheet program could take for a formula get an apostrophe before them (OWASP, "CSV Injection").

Those are the ones that begin with = + - @, tab or carriage return, also in their full-width and small forms, and also
after quotes, white space or invisible characters. It can be undone exactly, because a text that needs an apostrophe
still needs one after it got one.
"""

from __future__ import annotations

import re

_SKIPPED = "\x00-\x20\x7f\x85\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
_QUOTES = "'\"`\u00b4\u00ab\u00bb\u2018-\u201f\u2039\u203a\u300c-\u300f\uff02\uff07"
_SIGNS = "=+\\-@\t\r\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_DANGEROUS = re.compile(f"[{_SKIPPED}{_QUOTES}]*[{_SIGNS}]")


def neutralise(text: str) -> str:
    """The text with an apostrophe before it when a spreadsheet program could take it for a formula."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(text: str) -> str:
    """What `neutralise` was given."""
    return text[1:] if text[:1] == "'" and _DANGEROUS.match(text, 1) else text
