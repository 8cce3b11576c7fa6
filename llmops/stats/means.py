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
    correction CR2 of Bell and McCaffrey (2002), here in closed form for a mean. Its degrees of freedom are
    Satterthwaite's (1946) for clusters whose values are alike inside. With clusters of one size these are the
    ordinary standard error and n - 1; where a few clusters hold most of the values it is nearer to a few.
    """
    total = sum(sizes)
    weights = [size / total for size in sizes]
    mean = math.fsum(size * value for size, value in zip(sizes, means, strict=True)) / total
    parts = [weight * (value - mean) for weight, value in zip(weights, means, strict=True)]
    variance = math.fsum(part**2 / (1 - weight) for part, weight in zip(parts, weights, strict=True))
    concentration = math.fsum(weight**2 for weight in weights)
    return Spread(
        mean=mean,
        standard_error=math.sqrt(variance),
        skewness=_skewness(parts) if variance > EQUAL_BELOW**2 else 0.0,
        df=max(1.0, concentration**2 / math.fsum(weight**4 for weight in weights) - 1),
        effective_n=1 / concentration,
    )


def mean_interval(found: Spread) -> Interval:
    """95 % interval of a mean of values from 0 to 1: never of zero width, never outside 0 to 1.

    Student's t interval with its skewness removed by Hall's cubic transformation (1992, JRSS B 54), no wider
    than Wilson's for the effective number of clusters, as nothing from 0 to 1 varies more than yes and no do,
    and no narrower than what one more cluster at an end of the scale could change. When all values are equal,
    Wilson's. bench/coverage_sim.py shows how often it covers.
    """
    mean, n = found.mean, found.effective_n
    if found.all_equal:
        return wilson(mean, n)
    t = t_95(found.df)
    low = mean - _unskewed(t, found.skewness) * found.standard_error
    high = mean - _unskewed(-t, found.skewness) * found.standard_error
    one_more = Interval(mean * n / (n + 1), (mean * n + 1) / (n + 1))
    widest = wilson(mean, n, t)
    return Interval(max(min(low, one_more.low), widest.low), min(max(high, one_more.high), widest.high))


def _skewness(parts: Sequence[float]) -> float:
    return math.fsum(part**3 for part in parts) / math.fsum(part**2 for part in parts) ** 1.5


def _unskewed(t: float, skewness: float) -> float:
    """The value of the skewed statistic where Hall's transformed one is `t`."""
    if abs(skewness) < 1e-6:
        return t
    return 3 / skewness * (math.cbrt(1 + skewness * (t - skewness / 6)) - 1)
