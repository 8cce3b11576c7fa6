"""The interval of the mean of scores from 0 to 1, which may come in clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from llmops.stats.student import t_95
from llmops.stats.wilson import Interval, wilson

EQUAL_BELOW = 1e-9
"""A standard error below this is rounding: all values are equal."""


class Spread(NamedTuple):
    """What the interval of a mean is made of.

    `skewness` is that of the mean (for n equal sizes the values' skewness over the root of n), `df` the
    degrees of freedom of the standard error, `effective_n` how many clusters of equal size would say as much.
    """

    mean: float
    standard_error: float
    skewness: float
    df: float
    effective_n: float

    @property
    def all_equal(self) -> bool:
        return self.standard_error < EQUAL_BELOW


def spread(means: Sequence[float], sizes: Sequence[int]) -> Spread:
    """Spread of the mean, weighted by size, of at least two independent clusters.

    The standard error is cluster-robust: Miller (2024), "Adding Error Bars to Evals", with the small-sample
    correction CR2 and the degrees of freedom of Bell and McCaffrey (2002), here in closed form for a mean.
    With equal sizes they are the ordinary standard error and n - 1; a few large clusters among small ones
    leave fewer.
    """
    total = sum(sizes)
    weights = [size / total for size in sizes]
    mean = math.fsum(size * value for size, value in zip(sizes, means, strict=True)) / total
    parts = [weight * (value - mean) for weight, value in zip(weights, means, strict=True)]
    squares = math.fsum(part * part for part in parts)
    cubes = math.fsum(part * part * part for part in parts)
    variance = math.fsum(part * part / (1 - weight) for part, weight in zip(parts, weights, strict=True))
    concentration = math.fsum(weight * weight for weight in weights)
    leverage = [weight * weight / (1 - weight) for weight in weights]
    cross = math.fsum(leverage) ** 2 - math.fsum(part * part for part in leverage)
    return Spread(
        mean=mean,
        standard_error=math.sqrt(variance),
        skewness=cubes / squares**1.5 if variance >= EQUAL_BELOW**2 else 0.0,
        df=1 / (concentration + cross),
        effective_n=1 / concentration,
    )


def mean_interval(found: Spread) -> Interval:
    """95 % interval of a mean of values from 0 to 1: never of zero width, never outside 0 to 1.

    Student's t interval with its skewness removed by Hall's cubic transformation (1992, JRSS B 54), cut to
    Wilson's interval for the effective number of clusters, as no values from 0 to 1 vary more than yes and no
    do. When all values are equal only Wilson's is left. bench/coverage_sim.py shows how often it covers.
    """
    if found.all_equal:
        return wilson(found.mean, found.effective_n)
    t = t_95(found.df)
    widest = wilson(found.mean, found.effective_n, t)
    low = found.mean - _unskewed(t, found.skewness) * found.standard_error
    high = found.mean - _unskewed(-t, found.skewness) * found.standard_error
    return Interval(max(low, widest.low), min(high, widest.high))


def _unskewed(t: float, skewness: float) -> float:
    """The value of the skewed statistic where Hall's transformed one is `t`."""
    if abs(skewness) < 1e-6:
        return t
    return 3 / skewness * (math.cbrt(1 + skewness * (t - skewness / 6)) - 1)
