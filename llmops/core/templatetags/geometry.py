"""Where the marks of an interval picture lie, in the picture's own units: ready for SVG attributes."""

from dataclasses import dataclass

WIDTH = 200
EDGE = 6  # room for the dot at either end


@dataclass(frozen=True, slots=True)
class IntervalPicture:
    """x positions of the point and its interval on a scale drawn `width` wide; None where there is none."""

    width: int
    start: float
    end: float
    point: float
    low: float | None
    high: float | None


def interval_picture(
    value: float, low: float | None, high: float | None, *, minimum: float = 0.0, maximum: float = 1.0
) -> IntervalPicture:
    """Place a value and its interval on the scale; what lies outside is drawn at the edge."""
    span = maximum - minimum

    def place(number: float) -> float:
        share = (number - minimum) / span if span > 0 else 0.5
        return round(EDGE + min(1.0, max(0.0, share)) * (WIDTH - 2 * EDGE), 1)

    has_interval = low is not None and high is not None
    return IntervalPicture(
        width=WIDTH,
        start=EDGE,
        end=WIDTH - EDGE,
        point=place(value),
        low=place(low) if has_interval and low is not None else None,
        high=place(high) if has_interval and high is not None else None,
    )
