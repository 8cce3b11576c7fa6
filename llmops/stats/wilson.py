"""The interval of a share."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

Z_95 = NormalDist().inv_cdf(0.975)


class Interval(NamedTuple):
    low: float
    high: float


def wilson(share: float, n: float, z: float = Z_95) -> Interval:
    """Wilson's score interval (1927) of a `share` from 0 to 1 of `n` > 0.

    It holds the shares p for which |share - p| is at most z * sqrt(p * (1 - p) / n): its width is never zero,
    and it never leaves 0 to 1. `share` * `n` need not be whole.
    """
    weight = z * z / n
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * share * (1 - share) + weight * weight / 4) / (1 + weight)
    # Rounding may not push the share itself out, at 0 and 1 above all.
    return Interval(max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))
