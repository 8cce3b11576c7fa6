r"""Finding the number that an answer gives.

The rule, as people read it in the settings, is RULE below. What it means in detail:
- Signs: a minus (-, −, –) directly before the digits or the currency sign; not after a digit ("5-10" is 5, 10)
  and not after a letter ("COVID-19" and "GPT-4" hold no number).
- 1,234.5 and 1.234,5: when both signs occur, the last one is the decimal sign. One comma before exactly three
  digits groups thousands (1,234 is 1234), one dot never does (1.234), unless the setting says which sign is the
  decimal one. Several of the same sign group thousands (1.234.567; also 12,34,567). Spaces and
  apostrophes only ever group thousands.
- 3/4 and 1 1/2 are fractions, also as \frac{3}{4}. 1.5e3 and 1.5 × 10^3 are 1500. "2 million" is 2000000.
- Dates, times, ratios, versions, addresses, powers and digits within words are no numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from decimal import Decimal, DivisionByZero, InvalidOperation, localcontext
from typing import NamedTuple

RULE = (
    "The last number in the answer is compared. 1,234.5 and 1.234,5 are both understood, and so are 1 234.5, 3/4, "
    "1.5e3 and “2 million”. Currency signs and units are passed over."
)
PRECISION = 200

_TAIL_CHARS = 20_000
_SAME = str.maketrans("−–‒﹣－＋．，％’٫٬\u00a0\u2007\u2009\u202f", "-----+.,%'.,    ")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s{0,3}\{\s{0,3}(\d{1,60})\s{0,3}\}\s{0,3}\{\s{0,3}(\d{1,60})\s{0,3}\}")
_LATEX_GROUPS = re.compile(r"(?<=\d)(?:\\[,;! ]|\{,\})(?=\d{3})")
_POWER_OF_TEN = re.compile(
    r"(?<=\d)\s?(?:[×x*·]|\\times|\\cdot)\s?10(?:\^\{?([+-]?\d{1,3})\}?|([" + _SUPER + r"]{1,4}))(?![\d.])"
)
_NOT_NUMBERS = re.compile(
    r"""(?<![\w.,])(?:
      \d{4}-\d{1,2}-\d{1,2}(?:T[\d:.]{1,20}Z?)?   # 2024-05-12
    | \d{1,4}/\d{1,2}/\d{1,4}                     # 12/05/2024
    | \d{1,4}(?::\d{1,4})+                        # 12:30, 3:1
    | 0[xX][0-9a-fA-F]+
    | \d+\^\{?[\w+-]*\}?                          # 2^10
    )(?![\w/:])""",
    re.VERBOSE,
)
_CANDIDATE = re.compile(
    r"""
    (?P<sign>(?<![\w.,)\]}%'])[-+])?
    [$€£¥₹₩₽¢]?
    (?:(?<=[$€£¥₹₩₽¢])(?P<sign2>[-+]))?
    (?P<body>(?<![\w.,'/])\.\d+ | (?<![\w/])(?<![^\W\d]-)(?<!\d[.,'])\d+(?:[.,']\d+|[ ]\d{3}(?!\d))*)
    (?P<exponent>[eE][+-]?\d{1,3}(?!\w))?
    (?:[ ]?(?P<percent>%|per\ ?cent\b))?
    (?:[ ]?(?P<times>thousand|million|billion|trillion)\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FRACTION = re.compile(r"(?<![\w.,/'])(?P<whole>\d{1,60}\ )?(?P<top>\d{1,60})/(?P<bottom>\d{1,60})(?![\d/.,]\d|\w|/)", re.VERBOSE)
_TIMES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}


class Found(NamedTuple):
    """A number, and how it stands in the text."""

    value: Decimal
    text: str


def last_number(text: str, *, decimal: str = "auto", percent: str = "same") -> Found | None:
    """The last number of a text. `decimal`: auto, point or comma; `percent`: same (20 % is 20) or fraction (0.2)."""
    tail = text[-_TAIL_CHARS:]
    if len(tail) < len(text):
        tail = tail[tail.find(" ") + 1 :]
        if found := deque(_numbers(tail, decimal, percent), maxlen=1):
            return found[0]
    found = deque(_numbers(text, decimal, percent), maxlen=1)
    return found[0] if found else None


def first_number(text: str, *, decimal: str = "auto", percent: str = "same") -> Found | None:
    """The first number of a text; the settings are those of last_number."""
    return next(_numbers(text, decimal, percent), None)
