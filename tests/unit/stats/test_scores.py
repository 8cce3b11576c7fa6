"""From values to an estimate: which method, and what no interval may do."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops.stats.estimate import Estimate
from llmops.stats.scores import mean_estimate
from llmops.stats.wilson import wilson

Row = tuple[float, int, str]
ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]) | st.floats(0, 1), st.integers(1, 12), st.just("")),
    min_size=1,
    max_size=40,
)


def _grouped(rows: list[Row], of_case: Callable[[int], str]) -> list[Row]:
    return [(value, case, of_case(case)) for value, case, _ in rows]


def _estimate(rows: list[Row], minimum: float = 0.0, maximum: float = 1.0) -> Estimate:
    values, cases, groups = zip(*rows, strict=True)
    return mean_estimate(values, cases, groups, minimum=minimum, maximum=maximum)


SHAPES = st.one_of(
    ROWS,
    ROWS.map(lambda rows: _grouped(rows, lambda case: f"group {case % 3}")),
    ROWS.map(lambda rows: _grouped(rows, lambda case: "a" if case < 4 else "")),
)


def test_yes_and_no_have_wilsons_interval() -> None:
    found = mean_estimate([1.0] * 97 + [0.0] * 23, range(120), [""] * 120, yes_no=True)
    assert found == (97 / 120, *wilson(97 / 120, 120), 120, "Wilson interval", "")


def test_scores_are_told_on_their_own_scale() -> None:
    found = mean_estimate([1.0, 2.0, 4.0, 5.0] * 10, range(40), [""] * 40, minimum=1, maximum=5)
    # Mean 3, standard deviation 1.6013, standard error 0.2532, t with 39 degrees of freedom 2.0227
    assert (found.value, found.low, found.high) == pytest.approx((3, 2.4879, 3.5121), abs=1e-4)
    assert (found.n, found.method) == (40, "t interval, corrected for skew")


def test_repeats_of_a_case_do_not_count_as_cases() -> None:
    once = mean_estimate([1, 0] * 10, range(20), [""] * 20)
    five_times = mean_estimate([1, 0] * 50, list(range(20)) * 5, [""] * 100, yes_no=True)
    assert (five_times.low, five_times.high) == pytest.approx((once.low, once.high))
    assert (five_times.n, five_times.method) == (
        20,
        "t interval on the means of 20 cases, corrected for skew",
    )


def test_groups_of_cases_count_once() -> None:
    found = mean_estimate([1, 1, 0, 0, 1, 1, 0, 0], range(8), list("aabbccdd"), yes_no=True)
    one_each = mean_estimate([1, 0, 1, 0], range(4), [""] * 4)
    assert (found.low, found.high) == pytest.approx((one_each.low, one_each.high))
    assert (found.n, found.method) == (4, "t interval on 4 groups of cases, corrected for skew")


def test_a_case_with_more_repeats_weighs_no_more() -> None:
    assert mean_estimate([1, 1, 1, 0], [1, 1, 1, 2], [""] * 4).value == 0.5


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_equal_scores_have_wilsons_interval(value: float) -> None:
    found = mean_estimate([value] * 20, range(20), [""] * 20)
    assert (found.low, found.high) == pytest.approx(wilson(value, 20))
    assert found.method == "Wilson interval, as all are equal"


def test_equal_groups_have_wilsons_interval_for_the_groups() -> None:
    found = mean_estimate([1.0] * 20, range(20), [f"g{case // 4}" for case in range(20)], yes_no=True)
    assert (found.low, found.high) == pytest.approx(wilson(1.0, 5))
    assert (found.n, found.method) == (5, "Wilson interval on 5 groups of cases, as all are equal")


@pytest.mark.parametrize(
    ("cases", "groups", "note"),
    [
        ([1], [""], "One case gives no interval."),
        ([1, 1], ["", ""], "Repeats of one case give no interval."),
        ([1, 2], ["a", "a"], "Cases of one group give no interval."),
    ],
)
@pytest.mark.parametrize("yes_no", [True, False])
def test_one_of_anything_has_no_interval(cases: list[int], groups: list[str], note: str, yes_no: bool) -> None:
    found = mean_estimate([1.0] * len(cases), cases, groups, yes_no=yes_no)
    assert found == (1.0, None, None, 1, "", note)


def test_nothing_scored_is_no_zero() -> None:
    assert mean_estimate([], [], []) == (None, None, None, 0, "", "nothing was scored")


@pytest.mark.parametrize("odd", [6.0, 0.0, math.nan, math.inf])
def test_values_outside_the_scale_are_not_averaged(odd: float) -> None:
    found = mean_estimate([3.0, odd, 5.0], [1, 2, 3], [""] * 3, minimum=1, maximum=5)
    assert found == (None, None, None, 3, "", "1 of 3 values lie outside the scale of 1 to 5")


def test_a_scale_has_two_ends() -> None:
    with pytest.raises(ValueError, match="cannot run from 1 to 1"):
        mean_estimate([1.0], [1], [""], minimum=1, maximum=1)


@given(SHAPES)
def test_interval_holds_the_estimate_inside_the_scale(rows: list[Row]) -> None:
    found = _estimate([(1 + 4 * value, case, group) for value, case, group in rows], 1, 5)
    assert found.value is not None
    if found.n < 2:
        assert found.low is found.high is None
        assert found.note
    else:
        assert found.low is not None
        assert found.high is not None
        assert 1 <= found.low <= found.value <= found.high <= 5
        assert found.low < found.high
        assert found.method


@given(SHAPES, st.randoms(use_true_random=False))
def test_order_changes_nothing(rows: list[Row], shuffler: random.Random) -> None:
    shuffled = rows[:]
    shuffler.shuffle(shuffled)
    assert _estimate(shuffled) == _estimate(rows)


@given(SHAPES)
def test_names_of_cases_and_groups_change_nothing(rows: list[Row]) -> None:
    renamed = [(value, 1_000 - 7 * case, group and f"other {group}") for value, case, group in rows]
    assert _estimate(renamed) == _estimate(rows)


@given(SHAPES, st.sampled_from([(1.0, 5.0), (-1.0, 1.0), (0.0, 100.0)]))
def test_another_scale_only_rescales(rows: list[Row], scale: tuple[float, float]) -> None:
    minimum, maximum = scale
    there = [(minimum + (maximum - minimum) * value, case, group) for value, case, group in rows]
    for before, after in zip(_estimate(rows)[:3], _estimate(there, *scale)[:3], strict=True):
        assert (before is None) == (after is None)
        if before is not None:
            assert after == pytest.approx(minimum + (maximum - minimum) * before, abs=1e-6 * (maximum - minimum))


@given(SHAPES)
def test_the_reversed_scale_gives_the_mirrored_interval(rows: list[Row]) -> None:
    found, mirrored = _estimate(rows), _estimate([(1 - value, case, group) for value, case, group in rows])
    if found.low is not None and found.high is not None:
        assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-6)
