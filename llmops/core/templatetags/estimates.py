"""An estimate as people read it: "81 % (74-86), n = 120", with a picture of the interval."""

from collections.abc import Callable
from typing import Protocol

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from llmops.core.templatetags import formats
from llmops.core.templatetags.geometry import interval_picture


class EstimateLike(Protocol):
    """llmops.stats.estimate.Estimate, or anything with its fields."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    note: str


_UNITS: dict[str, Callable[[object], str]] = {
    "percent": formats.percent,
    "usd": formats.usd,
    "duration_ms": formats.duration_ms,
    "number": formats.number,
}


def figure(value: float | None, unit: str) -> str:
    """One number in words; `unit` is percent (of a share), usd, duration_ms or number."""
    return _UNITS[unit](value)


def interval_text(low: float | None, high: float | None, unit: str) -> str:
    """ "74-86" for shares; with "to" where a hyphen could be read as a minus or units are written out."""
    if low is None or high is None:
        return ""
    if unit == "percent":
        return f"{formats.percent(low).removesuffix(' %')}-{formats.percent(high).removesuffix(' %')}"
    return f"{figure(low, unit)} to {figure(high, unit)}"


def estimate(
    found: EstimateLike | None,
    unit: str = "percent",
    minimum: float = 0.0,
    maximum: float = 1.0,
    tone: str = "neutral",
    picture: bool = True,
) -> SafeString:
    """Render an estimate with its interval, n and method; the picture runs from minimum to maximum."""
    has_value = found is not None and found.value is not None
    context = {
        "estimate": found if has_value else None,
        "note": getattr(found, "note", ""),
        "n": formats.count(getattr(found, "n", 0)),
        "tone": tone,
    }
    if has_value:
        context |= {
            "value": figure(found.value, unit),
            "interval": interval_text(found.low, found.high, unit),
            "ends": (figure(found.low, unit), figure(found.high, unit)),
            "scale": (figure(minimum, unit), figure(maximum, unit)),
            "picture": interval_picture(found.value, found.low, found.high, minimum=minimum, maximum=maximum)
            if picture
            else None,
        }
    return render_to_string("components/_estimate.html", context)
