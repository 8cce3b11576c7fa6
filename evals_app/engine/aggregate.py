"""From the marks of one metric to one estimate."""

from __future__ import annotations

from collections.abc import Sequence

from evals_app.choices import ValueType
from llmops.stats.estimate import Estimate
from llmops.stats.wilson import wilson


def metric_estimate(
    *,
    values: Sequence[float],
    cases: Sequence[int],
    groups: Sequence[str],
    value_type: ValueType,
    minimum: float,
    maximum: float,
    seed: int,
) -> Estimate:
    """The mean of a metric's values with its interval, on the metric's own scale.

    `values`, `cases` (the case of each value; repeats share it) and `groups` (its group, or "") run in parallel.
    """
    n = len(values)
    if value_type is ValueType.CATEGORY or n == 0:
        return Estimate(None, None, None, n)
    mean = sum(values) / n
    if n < 2:
        return Estimate(mean, None, None, n, "", "One case gives no interval.")
    width = maximum - minimum
    low, high = wilson((mean - minimum) / width, n)
    return Estimate(mean, minimum + low * width, minimum + high * width, n, "Wilson interval")
