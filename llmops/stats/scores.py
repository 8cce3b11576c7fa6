"""The mean of scores on a scale, as an estimate: which method, in which words."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from llmops.stats.clusters import ClusteredBy, Clusters, clustered
from llmops.stats.estimate import Estimate
from llmops.stats.means import mean_interval, spread
from llmops.stats.wilson import Interval, wilson

ONE_NOTE = {
    ClusteredBy.NOTHING: "One case gives no interval.",
    ClusteredBy.CASE: "Repeats of one case give no interval.",
    ClusteredBy.GROUP: "Cases of one group give no interval.",
}

_ON = {
    ClusteredBy.NOTHING: "",
    ClusteredBy.CASE: " on the means of {n} cases",
    ClusteredBy.GROUP: " on {n} groups of cases",
}


def mean_estimate(
    values: Sequence[float],
    cases: Sequence[Hashable],
    groups: Sequence[str],
    *,
    minimum: float = 0.0,
    maximum: float = 1.0,
    yes_no: bool = False,
) -> Estimate:
    """The mean of the cases' means with its 95 % interval, both in the unit of the values.

    `values`, `cases` (the case of each value; repeats share it) and `groups` (its group, or "") run in
    parallel; the scale runs from `minimum` to a larger `maximum`, and `yes_no` values are its two ends.
    Values that hang together count as one cluster: groups before repeats, and n is then the number of
    clusters. Values outside the scale, NaN among them, mean that nothing can be said, which the note does.
    """
    if not maximum > minimum:
        raise ValueError(f"a scale cannot run from {minimum} to {maximum}")
    if not values:
        return Estimate(None, None, None, 0, "", "nothing was scored")
    outside = sum(not minimum <= value <= maximum for value in values)
    if outside:
        note = f"{outside} of {len(values)} values lie outside the scale of {minimum:g} to {maximum:g}"
        return Estimate(None, None, None, len(values), "", note)
    width = maximum - minimum
    found = clustered([(value - minimum) / width for value in values], cases, groups)
    on_unit_scale = _share_estimate(found) if yes_no and found.by is ClusteredBy.NOTHING else _score_estimate(found)
    return _rescaled(on_unit_scale, minimum, maximum)


def _share_estimate(found: Clusters) -> Estimate:
    n = len(found.means)
    share = math.fsum(found.means) / n
    if n == 1:
        return Estimate(share, None, None, n, "", ONE_NOTE[found.by])
    return _with_interval(share, wilson(share, n), n, "Wilson interval")


def _score_estimate(found: Clusters) -> Estimate:
    n = len(found.means)
    if n == 1:
        return Estimate(found.means[0], None, None, n, "", ONE_NOTE[found.by])
    seen = spread(found.means, found.sizes)
    on = _ON[found.by].format(n=n)
    interval = mean_interval(seen)
    if seen.all_equal:
        return _with_interval(seen.mean, interval, n, f"Wilson interval{on}, as all are equal")
    return _with_interval(seen.mean, interval, n, f"t interval{on}, corrected for skew")


def _with_interval(value: float, interval: Interval, n: int, method: str) -> Estimate:
    return Estimate(value, interval.low, interval.high, n, method)


def _rescaled(found: Estimate, minimum: float, maximum: float) -> Estimate:
    def rescaled(figure: float | None) -> float | None:
        return None if figure is None else min(maximum, minimum + (maximum - minimum) * figure)

    return found._replace(value=rescaled(found.value), low=rescaled(found.low), high=rescaled(found.high))
