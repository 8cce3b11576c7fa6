"""What every figure is made of: a value, its interval, how many it rests on, and the method in words."""

from __future__ import annotations

from typing import NamedTuple


class Estimate(NamedTuple):
    """A number with its 95 % interval.

    `value` is None when nothing was counted; `low` and `high` are None when no interval can be given on that
    side, and `note` then says why. `n` counts what the interval rests on: cases, or groups of cases when they
    hang together. `method` names the interval in words, and is empty when there is none.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str = ""
    note: str = ""
