"""An estimate as people read it: "81 % correct (74-86, n = 120)", with a picture of the interval."""

from collections.abc import Callable
from typing import Protocol

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from llmops.core.templatetags import formats
from llmops.core.templatetags.geometry import interval_picture


class EstimateLike(Protocol):
    """llmops.stats.estimate.Estimate, or anything with its fields."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def n(self) -> int: ...
    @property
    def method(self) -> str: ...
    @property
    def note(self) -> str: ...


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
    before: str = "",
    after: str = "",
) -> SafeString:
    """Render an estimate with its interval, n and method; the picture runs from minimum to maximum.

    `before` and `after` are the words around the figure: "Tone: 4.1", "81 % correct". No white space is at the end, so
    that a full stop may follow.
    """
    if found is None or found.value is None:
        return _rendered({"note": getattr(found, "note", "")})
    drawn = interval_picture(found.value, found.low, found.high, minimum=minimum, maximum=maximum)
    context = {
        "estimate": found,
        "value": figure(found.value, unit),
        "interval": interval_text(found.low, found.high, unit),
        "ends": (figure(found.low, unit), figure(found.high, unit)),
        "scale": (figure(minimum, unit), figure(maximum, unit)),
        "n": formats.count(found.n),
        "picture": drawn if picture else None,
        "tone": tone,
        "before": before,
        "after": after,
    }
    return _rendered(context)


def _rendered(context: dict[str, object]) -> SafeString:
    return SafeString(render_to_string("components/_estimate.html", context).strip())
