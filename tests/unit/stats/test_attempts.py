"""pass@k and pass^k, against counting every choice of k answers."""

from itertools import combinations

import pytest

from llmops.stats.attempts import pass_at_k, pass_estimate, pass_hat_k
from llmops.stats.scores import mean_estimate


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_counts_all_choices(n: int) -> None:
    for right in range(n + 1):
        answers = [True] * right + [False] * (n - right)
        for k in range(1, n + 1):
            choices = list(combinations(answers, k))
            assert pass_at_k(n, right, k) == pytest.approx(sum(map(any, choices)) / len(choices))
            assert pass_hat_k(n, right, k) == pytest.approx(sum(map(all, choices)) / len(choices))


@pytest.mark.parametrize(("n", "right", "k"), [(2, 1, 3), (2, 1, 0), (2, 3, 1), (2, -1, 1)])
@pytest.mark.parametrize("chance", [pass_at_k, pass_hat_k])
def test_refuses_what_cannot_be(chance: type, n: int, right: int, k: int) -> None:
    with pytest.raises(ValueError, match="answers"):
        chance(n, right, k)


def test_means_over_cases() -> None:
    # Case 1 has 2 of 3 right, case 2 has 1 of 3: any of two 1 and 2/3, both of two 1/3 and 0.
    right = [True, True, False, False, True, False]
    cases = [1, 1, 1, 2, 2, 2]
    assert pass_estimate(right, cases, [""] * 6, k=2).value == pytest.approx((1 + 2 / 3) / 2)
    assert pass_estimate(right, cases, [""] * 6, k=2, of_case=pass_hat_k).value == pytest.approx(1 / 6)


def test_one_answer_is_the_mean_of_repeats() -> None:
    right = [case % (1 + repeat) == 0 for case in range(20) for repeat in range(3)]
    cases = [case for case in range(20) for _ in range(3)]
    groups = [f"g{case // 2}" for case in cases]
    assert pass_estimate(right, cases, groups, k=1) == mean_estimate([float(it) for it in right], cases, groups)


def test_cases_with_too_few_answers_are_left_out_and_named() -> None:
    found = pass_estimate([True, True, False, True, True], [1, 1, 2, 3, 3], [""] * 5, k=2)
    assert (found.value, found.n) == (1.0, 2)
    assert found.note == "1 of 3 cases have fewer than 2 answers and are left out."
    alone = pass_estimate([True, True, False], [1, 1, 2], [""] * 3, k=2)
    assert alone.note == "1 of 2 cases have fewer than 2 answers and are left out. One case gives no interval."
