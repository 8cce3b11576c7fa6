"""Median and 95th percentile of times, lengths and costs, with intervals that assume no shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from llmops.stats.estimate import Estimate

TAIL = 0.025
METHOD = "interval between ranked values"


class Ranks(NamedTuple):
    """Places in the sorted values, counted from 1, between which the quantile lies; None where it is open."""

    low: int | None
    high: int | None


def quantile_estimate(values: Sequence[float], share: float) -> Estimate:
    """The quantile below which `share` (0 to 1, ends excluded) of the values lie, in the unit of the values.

    The ends are values that were seen (David and Nagaraja 2003, Order Statistics, 7.1), so an interval is
    open where too few were: above for the 95th percentile of fewer than 72, on both sides for the median of
    fewer than 6. Many equal values can make both ends equal.
    """
    ranked = sorted(values)
    n = len(ranked)
    if n == 0:
        return Estimate(None, None, None, 0, "", "There are no values.")
    value = _between(ranked, share)
    if n == 1:
        return Estimate(value, None, None, 1, "", "One value gives no interval.")
    low, high = quantile_ranks(n, share)
    return Estimate(
        value,
        None if low is None else ranked[low - 1],
        None if high is None else ranked[high - 1],
        n,
        "" if low is None and high is None else METHOD,
        _open_note(n, low, high),
    )


def quantile_ranks(n: int, share: float) -> Ranks:
    """Ranks that hold the quantile in 95 % of samples of `n` or more, missing at most 2.5 % a side."""
    below = _binomial_quantile(n, share, TAIL)
    above = n + 1 - _binomial_quantile(n, 1 - share, TAIL)
    return Ranks(below if below >= 1 else None, above if above <= n else None)


def _binomial_quantile(n: int, share: float, tail: float) -> int:
    """The largest k for which fewer than k of `n` draws succeed with a chance of at most `tail`."""
    spread = math.sqrt(n * share * (1 - share))
    # Ten spreads and ten draws below the mean nothing adds up to what could be seen.
    k = max(0, math.floor(n * share - 10 * spread) - 10)
    total = 0.0
    while k <= n:
        total += _binomial_chance(n, share, k)
        if total > tail:
            return k
        k += 1
    return n


def _binomial_chance(n: int, share: float, k: int) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(share) + (n - k) * math.log1p(-share))


def _between(ranked: Sequence[float], share: float) -> float:
    """The quantile of the values themselves, between the two nearest (Hyndman and Fan's type 7)."""
    place = (len(ranked) - 1) * share
    lower = math.floor(place)
    upper = min(lower + 1, len(ranked) - 1)
    return ranked[lower] + (place - lower) * (ranked[upper] - ranked[lower])


def _open_note(n: int, low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return f"{n} values are too few for an interval."
    if high is None:
        return f"{n} values are too few to say how high it may be."
    return f"{n} values are too few to say how low it may be." if low is None else ""
