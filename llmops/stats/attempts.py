"""How often one of k answers is right (pass@k), and how often all k are (pass^k)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import comb

from llmops.stats.estimate import Estimate
from llmops.stats.scores import mean_estimate


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that at least one of `k` answers is right, from `right` of `n` answers; 1 <= k <= n.

    Unbiased: 1 - C(n - right, k) / C(n, k). Chen et al. (2021), "Evaluating Large Language Models Trained on
    Code".
    """
    _check(n, right, k)
    return (comb(n, k) - comb(n - right, k)) / comb(n, k)


def pass_hat_k(n: int, right: int, k: int) -> float:
    """The chance that all of `k` answers are right, from `right` of `n` answers; 1 <= k <= n.

    Unbiased: C(right, k) / C(n, k). Yao et al. (2024), "tau-bench".
    """
    _check(n, right, k)
    return comb(right, k) / comb(n, k)


def pass_estimate(
    right: Sequence[bool],
    cases: Sequence[Hashable],
    groups: Sequence[str],
    *,
    k: int,
    of_case: Callable[[int, int, int], float] = pass_at_k,
) -> Estimate:
    """pass@k, or pass^k with `of_case=pass_hat_k`: the mean over cases with its 95 % interval.

    `right` says of each answer whether it is, `cases` and `groups` run in parallel. Cases with fewer than `k`
    answers are left out, which the note says.
    """
    answers: dict[Hashable, list[bool]] = {}
    group_of: dict[Hashable, str] = {}
    for is_right, case, group in zip(right, cases, groups, strict=True):
        answers.setdefault(case, []).append(is_right)
        group_of.setdefault(case, group)
    enough = {case: held for case, held in answers.items() if len(held) >= k}
    found = mean_estimate(
        [of_case(len(held), sum(held), k) for held in enough.values()],
        list(enough),
        [group_of[case] for case in enough],
    )
    left_out = len(answers) - len(enough)
    if not left_out:
        return found
    note = f"{left_out} of {len(answers)} cases have fewer than {k} answers and are left out."
    return found._replace(note=f"{note} {found.note}".strip())


def _check(n: int, right: int, k: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"k is {k}, but there are {n} answers")
    if not 0 <= right <= n:
        raise ValueError(f"{right} of {n} answers cannot be right")
