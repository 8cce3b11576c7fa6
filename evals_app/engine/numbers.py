r"""Finding the number that an answer gives.

RULE says it to people. In detail:

- 1,234.5 and 1.234,5: when both signs occur, the last one is the decimal sign. A sign that occurs twice
  groups thousands (1.234.567; also 12,34,567). One comma before exactly three digits groups thousands (1,234
  is 1234), one dot is a decimal point (1.234), unless the setting names the decimal sign. Spaces and
  apostrophes only group.
- A minus (-, −, –) counts directly before the digits or the currency sign, not after a digit or letter:
  "5-10" is 5 and 10, and "COVID-19" and "GPT-4" hold no number.
- 3/4 and 1 1/2 are fractions, also as \frac{3}{4}. 1.5e3 and 1.5 × 10^3 are 1500, "2 million" is 2000000.
- Dates, times, ratios, versions, addresses, powers and digits within words are no numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import NamedTuple

RULE = (
    "The last number in the answer is compared. 1,234.5 and 1.234,5 are both understood, and so are 1 234.5, "
    "3/4, 1.5e3 and “2 million”. Currency signs and units are passed over."
)
PRECISION = 200
MOST_DIGITS = 60

MOST_CHARS = 200_000
"""Of a longer text only so much is read, from the end where the number is looked for."""

_TAIL_CHARS = 20_000
_LOOK_ALIKES = str.maketrans("−–‒﹣－＋．，％’٫٬\u00a0\u2007\u2009\u202f", "-----+.,%'.,    ")
_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_FROM_SUPER = str.maketrans(_SUPER, "0123456789+-")
_CURRENCY = "$€£¥₹₩₽₺₫฿¢"

_LATEX_FRACTION = re.compile(r"\\[dt]?frac ?\{ ?(\d{1,60}) ?\} ?\{ ?(\d{1,60}) ?\}")
_LATEX_GROUPING = re.compile(r"(?<=\d)(?:\\[,;! ]|\{,\})(?=\d{3})")
_POWER_OF_TEN = re.compile(
    rf"(?<=\d) ?(?:[×x*·]|\\times|\\cdot) ?10(?:\^\{{?([+-]?\d{{1,3}})\}}?|([{_SUPER}]{{1,4}}))(?![\d.])"
)
_NO_NUMBER = re.compile(
    rf"""(?<![\w.,])(?:
      \d{{4}}-\d{{1,2}}-\d{{1,2}}(?:T[\d:.]{{1,20}}Z?)?                                  # 2024-05-12
    | \d{{1,4}}/\d{{1,2}}/\d{{1,4}}                                                      # 12/05/2024
    | \d{{1,4}}(?::\d{{1,4}}){{1,7}}                                                      # 12:30, 3:1
    | 0[xX][0-9a-fA-F]+                                                                 # 0x1F
    | \d[\d.,]{{0,60}}(?:\^\{{?[\w+-]{{0,60}}\}}?|[{_SUPER}]+)                          # 2^10, 5²
    )(?![\w/:])""",
    re.VERBOSE,
)
_CANDIDATE = re.compile(
    rf"""
    (?P<sign>(?<![\w.,)\]}}'%])[-+])?
    (?:[{_CURRENCY}][ ]?(?P<sign_after>[-+])?)?
    (?:(?P<whole>(?<![\w/.,'])\d{{1,60}})[ ](?=\d{{1,60}}/\d))?
    (?P<body>(?<![\w.,'/])\.\d+ | (?<![\w/])(?<![^\W\d]-)(?<!\d[.,'])\d+(?:[.,']\d+|[ ]\d{{3}}(?!\d))*)
    (?:/(?P<below>\d{{1,60}})(?![\d/]|[.,]\d))?
    (?P<exponent>[eE][+-]?\d{{1,3}}(?!\w))?
    (?:[ ]?(?P<percent>%|per[ ]?cent\b))?
    (?:[ ]?(?P<times>thousand|million|billion|trillion)\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TIMES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?")
_APOSTROPHES = re.compile(r"\d{1,3}(?:'\d{3})+(?:[.,]\d+)?")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3}")
_ONE_COMMA_GROUPS = re.compile(r"[1-9]\d{0,2},\d{3}")
_LIST = re.compile(r"\d+(?:,\d+){2,}")


class Found(NamedTuple):
    """A number, and how it stands in the text."""

    value: Decimal
    text: str


def last_number(text: str, *, decimal: str = "auto", percent: str = "same") -> Found | None:
    """The last number. `decimal`: auto, point, comma; `percent`: same (20 % is 20), fraction (it is 0.2)."""
    text = text[-MOST_CHARS:]
    tail = text[-_TAIL_CHARS:].partition(" ")[2] if len(text) > _TAIL_CHARS else text
    found = deque(_numbers(tail, decimal, percent), maxlen=1)
    if not found and tail is not text:
        found = deque(_numbers(text, decimal, percent), maxlen=1)
    return found[0] if found else None


def first_number(text: str, *, decimal: str = "auto", percent: str = "same") -> Found | None:
    """The first number of a text; the settings are those of last_number."""
    return next(_numbers(text[:MOST_CHARS], decimal, percent), None)


def _numbers(text: str, decimal: str, percent: str) -> Iterator[Found]:
    for match in _CANDIDATE.finditer(_plain(text)):
        body = match["body"]
        if " " in body and not _SPACED.fullmatch(body):
            bodies = body.split(" ")
        else:
            bodies = body.split(",") if _LIST.fullmatch(body) and not _GROUPED.fullmatch(body) else [body]
        for piece in bodies[:-1]:
            if (value := _read(piece, decimal)) is not None:
                yield Found(value, piece)
        if (value := _read(bodies[-1], decimal)) is not None:
            with localcontext(prec=PRECISION):
                scaled = _scaled(value, match, percent)
            if scaled is not None:
                yield Found(scaled, (match[0] if len(bodies) == 1 else bodies[-1]).strip())


def _plain(text: str) -> str:
    """The text with one form for each sign and digit, and with what is no number blotted out."""
    text = text.translate(_LOOK_ALIKES)
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    text = _LATEX_FRACTION.sub(r"\1/\2", text)
    text = _LATEX_GROUPING.sub("", text)
    text = _POWER_OF_TEN.sub(lambda m: "e" + (m[1] or m[2].translate(_FROM_SUPER)), text)
    return _NO_NUMBER.sub("#", text)


def _scaled(value: Decimal, match: re.Match[str], percent: str) -> Decimal | None:
    """The value with its sign, fraction, power and words."""
    if below := match["below"]:
        if not int(below) or value != value.to_integral_value():
            return None
        value = int(match["whole"] or 0) + value / int(below)
    power = int((match["exponent"] or "e0")[1:]) + _TIMES.get((match["times"] or "").lower(), 0)
    if match["percent"] and percent == "fraction":
        power -= 2
    negative = "-" in (match["sign"], match["sign_after"])
    return (-value if negative else value) * Decimal(10) ** power


def _read(body: str, decimal: str) -> Decimal | None:
    """The value of digits with their signs, or None when they are no number."""
    if len(body) > MOST_DIGITS:
        return None
    if _SPACED.fullmatch(body) or _APOSTROPHES.fullmatch(body):
        body = body.replace(" ", "").replace("'", "")
    sign = {"point": ".", "comma": ","}.get(decimal) or _decimal_sign(body)
    value = _with_decimal_sign(body, sign)
    return value if value is not None else _with_decimal_sign(body, _decimal_sign(body))


def _decimal_sign(body: str) -> str:
    if "," in body and "." in body:
        return max(",.", key=body.rfind)
    if body.count(",") == 1:
        return "." if _ONE_COMMA_GROUPS.fullmatch(body) else ","
    return "," if body.count(".") > 1 else "."


def _with_decimal_sign(body: str, sign: str) -> Decimal | None:
    grouping = "," if sign == "." else "."
    whole, _, rest = body.partition(sign)
    whole = whole.replace(grouping, ",")
    if not (whole.isdigit() or _GROUPED.fullmatch(whole) or (not whole and rest)):
        return None
    if rest and not rest.isdigit():
        return None
    return Decimal(f"{whole.replace(',', '') or 0}.{rest or 0}")
