"""Numbers of a sheet as the person who filled it in sees them.

The digits are those that the cell shows, as when a spreadsheet program saves the sheet as CSV: 1.0 is "1",
0.81 with a percent format "81%", 7 with the format 000 "007". Signs that depend on the reader's country are
left out (currency, grouping), and dates are written as ISO 8601.
"""

from __future__ import annotations

import datetime
import math
import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

GENERAL = "General"
_SHOWN_DIGITS = 15
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|[$€£¥ ]')
_DIGITS = re.compile(r"[#,?]*(?P<zeros>0*)(?:\.(?P<decimals>[0#?]*))?(?P<percent>%)?")
# The ids of dates in East Asian versions, which the file does not spell out.
_DATE_IDS = (*range(27, 37), *range(50, 59))


class _Digits(NamedTuple):
    """How many digits a number format shows."""

    least_before: int
    least_after: int
    most_after: int
    percent: bool


def format_of(format_id: int, spelled_out: dict[int, str]) -> str:
    """The format that a style refers to by number."""
    if format_id in spelled_out:
        return spelled_out[format_id]
    return "yyyy-mm-dd" if format_id in _DATE_IDS else BUILTIN_FORMATS.get(format_id, GENERAL)


def number_text(digits: str, number_format: str, *, since_1904: bool) -> str:
    """A number, as the file writes it, as the cell shows it. Raises ValueError when it is none."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is not a number")
    if is_date_format(number_format) and (moment := _moment_text(number, number_format, since_1904=since_1904)):
        return moment
    shown = _digits_of(number_format)
    exact = Decimal(f"{number:.{_SHOWN_DIGITS}g}")
    if shown is None:
        return _general(exact)
    if shown.percent:
        exact *= 100
    rounded = exact.quantize(Decimal(1).scaleb(-shown.most_after), ROUND_HALF_UP) if abs(exact) < 10**15 else exact
    return _padded(rounded, shown) + ("%" if shown.percent else "")


def _padded(number: Decimal, shown: _Digits) -> str:
    whole, _, decimals = f"{abs(number):f}".partition(".")
    kept = decimals[: shown.least_after] + decimals[shown.least_after :].rstrip("0")
    text = whole.zfill(shown.least_before) + (f".{kept}" if kept else "")
    return f"-{text}" if number < 0 else text


def _general(number: Decimal) -> str:
    """Plain digits as long as they are few, else 1E+30."""
    if number == 0:
        return "0"
    if -10 <= number.adjusted() <= 20:
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(number.normalize())


@lru_cache(maxsize=256)
def _digits_of(number_format: str) -> _Digits | None:
    """None for formats that show a number as it is, and for those beyond plain digits (fractions, 1E+3)."""
    section = _LITERALS.sub("", number_format.split(";")[0])
    found = _DIGITS.fullmatch(section)
    if found is None or not section or section.endswith(","):
        return None
    decimals = found["decimals"] or ""
    return _Digits(
        least_before=len(found["zeros"]) or 1,
        least_after=decimals.count("0"),
        most_after=len(decimals),
        percent=bool(found["percent"]),
    )


def _moment_text(serial: float, number_format: str, *, since_1904: bool) -> str:
    """A date, a time or both; a duration as h:mm:ss. "" when the number is no date that a calendar knows."""
    epoch = MAC_EPOCH if since_1904 else WINDOWS_EPOCH
    is_duration = is_timedelta_format(number_format)
    if serial < 0 and not is_duration:
        return ""
    try:
        moment = from_excel(serial, epoch, timedelta=is_duration)
    except (OverflowError, ValueError):
        return ""
    if isinstance(moment, datetime.timedelta):
        minutes, seconds = divmod(round(moment.total_seconds()), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"
    if isinstance(moment, datetime.datetime) and moment.time() == datetime.time():
        return moment.date().isoformat()
    return str(moment.isoformat())
