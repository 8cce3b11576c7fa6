"""What hangs together counts once: repeats of a case, and cases of one group."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple


class ClusteredBy(StrEnum):
    """What makes values hang together. Groups of cases come before repeats of a case."""

    NOTHING = "nothing"
    CASE = "case"
    GROUP = "group"


class Clusters(NamedTuple):
    """The mean of each cluster and its size, the number of its cases."""

    by: ClusteredBy
    means: list[float]
    sizes: list[int]


def clustered(values: Sequence[float], cases: Sequence[Hashable], groups: Sequence[str]) -> Clusters:
    """Sort `values` into independent clusters; the three run in parallel and are not empty.

    Repeats are averaged first, so that the clusters' mean, weighted by size, is the mean of the cases' means.
    A case without a group ("") is a cluster of its own. The order of the values changes nothing.
    """
    of_case: dict[Hashable, list[float]] = {}
    group_of: dict[Hashable, str] = {}
    for value, case, group in zip(values, cases, groups, strict=True):
        of_case.setdefault(case, []).append(value)
        group_of.setdefault(case, group)
    of_cluster: dict[Hashable, list[float]] = {}
    for case, repeats in of_case.items():
        group = group_of[case]
        of_cluster.setdefault(("group", group) if group else ("case", case), []).append(_mean(repeats))
    return Clusters(
        by=_clustered_by(n_values=len(values), n_cases=len(of_case), n_clusters=len(of_cluster)),
        means=[_mean(case_means) for case_means in of_cluster.values()],
        sizes=[len(case_means) for case_means in of_cluster.values()],
    )


def _clustered_by(*, n_values: int, n_cases: int, n_clusters: int) -> ClusteredBy:
    if n_clusters < n_cases:
        return ClusteredBy.GROUP
    return ClusteredBy.CASE if n_cases < n_values else ClusteredBy.NOTHING


def _mean(values: Iterable[float]) -> float:
    held = list(values)
    return math.fsum(held) / len(held)
