"""Numbers, money, durations and times as people read them. Every function takes None for "not measured"."""

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation

NOTHING = "–"
MINUS = "−"
SMALLEST_USD = Decimal("0.000001")

Number = int | float | Decimal


def as_decimal(value: object) -> Decimal | None:
    """The finite number in `value`, or None when there is none (None, empty text, words, NaN)."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def significant(number: Decimal, digits: int) -> Decimal:
    """`number` rounded half up to so many significant digits."""
    if not number:
        return Decimal(0)
    return number.quantize(Decimal(1).scaleb(number.adjusted() - digits + 1), ROUND_HALF_UP)


def _plain(number: Decimal) -> str:
    """Thousands with commas, no exponent, no trailing zeros, a real minus sign."""
    text = f"{number:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


def count(value: object) -> str:
    """1234 -> "1,234"."""
    number = as_decimal(value)
    return NOTHING if number is None else _plain(number.quantize(Decimal(1), ROUND_HALF_UP))


def number(value: object) -> str:
    """Three significant digits, never fewer than all whole ones: 3.14159 -> "3.14", 1234.5 -> "1,235"."""
    found = as_decimal(value)
    if found is None:
        return NOTHING
    return count(found) if abs(found) >= 100 else _plain(significant(found, 3))


def percent(value: object, digits: int | None = None) -> str:
    """A share from 0 to 1: 0.8125 -> "81 %", 0.0021 -> "0.2 %", 0.998 -> "99.8 %"; only 1 is "100 %".

    `digits` fixes the number of decimals instead.
    """
    found = as_decimal(value)
    if found is None:
        return NOTHING
    shown = _percent_figure(found) if digits is None else f"{found * 100:.{int(digits)}f}"
    return f"{shown} %".replace("-", MINUS)


def _percent_figure(share: Decimal) -> str:
    """The figure before the sign; a share that is not quite all or nothing never looks like it."""
    size = abs(share * 100)
    sign = "-" if share < 0 else ""
    if 99 < size < 100:
        return f"{sign}{size.quantize(Decimal('0.1'), ROUND_DOWN)}"
    if 0 < size < Decimal("0.95"):
        return f"{sign}{_plain(significant(size, 1))}"
    return f"{sign}{size.quantize(Decimal(1), ROUND_HALF_UP)}"


def points(value: object) -> str:
    """A difference of two shares: 0.06 -> "+6 points", -0.005 -> "−0.5 points"."""
    found = as_decimal(value)
    if found is None:
        return NOTHING
    size = found * 100
    rounded = significant(size, 1) if abs(size) < 1 else size.quantize(Decimal(1), ROUND_HALF_UP)
    sign = "+" if rounded > 0 else ("±" if not rounded else "")
    return f"{sign}{_plain(rounded)} point{'' if abs(rounded) == 1 else 's'}"


def usd(value: object) -> str:
    """Money with sensible digits: 4.1 -> "$4.10", 0.00417 -> "$0.0042"; None -> "price not known"."""
    found = as_decimal(value)
    if found is None:
        return "price not known"
    size, sign = abs(found), MINUS if found < 0 else ""
    if not size:
        return "$0"
    if size < SMALLEST_USD:
        return f"less than ${SMALLEST_USD:f}"
    if size >= Decimal("0.1"):
        return f"{sign}${size.quantize(Decimal('0.01'), ROUND_HALF_UP):,f}"
    text = f"{significant(size, 2):f}".rstrip("0")
    return f"{sign}${text.ljust(len('0.00'), '0')}"


def duration(value: object) -> str:
    """Seconds or a timedelta: 0.34 -> "340 ms", 1.94 -> "1.9 s", 200 -> "3 min 20 s", 7500 -> "2 h 5 min"."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    found = as_decimal(value)
    if found is None:
        return NOTHING
    seconds = abs(found)
    if seconds < Decimal("0.0005"):
        return "under 1 ms"
    if seconds < Decimal("0.9995"):
        return f"{seconds * 1000:.0f} ms"
    if seconds < Decimal("9.95"):
        return f"{seconds.quantize(Decimal('0.1'), ROUND_HALF_UP)} s"
    return _long_duration(int(seconds.quantize(Decimal(1), ROUND_HALF_UP)))


def _long_duration(seconds: int) -> str:
    """Ten seconds and more, in two units at most, the second one only while it says something."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 600:
        return _two_units(seconds // 60, "min", seconds % 60, "s")
    if seconds < 3570:  # from there on it rounds to the full hour
        return f"{round(seconds / 60)} min"
    seconds = max(seconds, 3600)
    if seconds < 86_400:
        return _two_units(seconds // 3600, "h", seconds % 3600 // 60, "min")
    days = seconds // 86_400
    return _two_units(days, "day" if days == 1 else "days", seconds % 86_400 // 3600, "h")


def _two_units(many: int, unit: str, rest: int, rest_unit: str) -> str:
    return f"{many} {unit} {rest} {rest_unit}" if rest else f"{many} {unit}"


def time_range(low: object, high: object) -> str:
    """A rough time in one unit, in words: (3, 8) -> "3 to 8 seconds", (170, 172) -> "about 3 minutes".

    It stands by itself: "about" is in it where one figure would look exact.
    """
    least, most = as_decimal(low), as_decimal(high)
    if least is None or most is None:
        return NOTHING
    if most <= 5:
        return "a few seconds"
    unit_s, unit = next(((size, name) for size, name in _UNITS if most >= 2 * size), _UNITS[-1])
    begin = max(1, _roughly(least / unit_s, ROUND_DOWN))
    end = max(begin, _roughly(most / unit_s, ROUND_UP))
    return f"about {end} {unit}s" if begin == end else f"{begin} to {end} {unit}s"


_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def _roughly(number: Decimal, rounding: str) -> int:
    """A whole number; in fives from ten on, and in tens from sixty on."""
    step = 10 if number >= 60 else 5 if number >= 10 else 1
    return int((number / step).quantize(Decimal(1), rounding)) * step


def duration_ms(value: object) -> str:
    """Like `duration`, for what is measured in milliseconds: latency_ms."""
    found = as_decimal(value)
    return NOTHING if found is None else duration(found / 1000)


_AGES = ((60, 1, "second"), (3600, 60, "minute"), (86_400, 3600, "hour"), (30 * 86_400, 86_400, "day"))


def age(then: datetime, now: datetime) -> str:
    """How far `then` lies from `now` in words; more than a month away it is the date."""
    seconds = (now - then).total_seconds()
    size = abs(seconds)
    if size < 10:
        return "just now"
    for limit, unit_s, unit in _AGES:
        if size < limit:
            many = int(size // unit_s)
            words = f"{many} {unit}{'' if many == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return day(then)


def day(moment: datetime) -> str:
    """5 December of 2026 -> "5 Dec 2026"."""
    return f"{moment.day} {moment:%b %Y}"
