"""From the marks of one metric to one estimate."""

from __future__ import annotations

from collections.abc import Sequence

from evals_app.choices import ValueType
from llmops.stats.estimate import Estimate
from llmops.stats.scores import mean_estimate


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
    """The mean of a metric's values with its interval, on the metric's scale from `minimum` to `maximum`.

    `values`, `cases` (the case of each value; repeats share it) and `groups` (its group, or "") run in
    parallel; their order changes nothing. Categories have no mean: of them only n is given. `seed` is for
    methods that resample; none of those in use does.
    """
    if value_type is ValueType.CATEGORY:
        return Estimate(None, None, None, len(values))
    yes_no = value_type is ValueType.YES_NO
    return mean_estimate(values, cases, groups, minimum=minimum, maximum=maximum, yes_no=yes_no)
