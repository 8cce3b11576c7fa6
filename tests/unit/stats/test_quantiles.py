"""Median and 95th percentile: the published ranks, and what scipy says of their coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from llmops.stats.quantiles import METHOD, quantile_estimate, quantile_ranks


def test_ranks_as_tabled() -> None:
    assert quantile_ranks(100, 0.5) == (40, 61)
    assert quantile_ranks(10, 0.5) == (2, 9)


@pytest.mark.parametrize(
    ("n", "share", "open_above"), [(71, 0.95, True), (72, 0.95, False), (5, 0.5, True), (6, 0.5, False)]
)
def test_open_above_where_too_few_were_seen(n: int, share: float, open_above: bool) -> None:
    assert (quantile_ranks(n, share).high is None) == open_above


@given(st.integers(2, 3_000), st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99]))
def test_either_side_misses_at_most_its_part_and_is_no_wider_than_needed(n: int, share: float) -> None:
    low, high = quantile_ranks(n, share)
    # The quantile lies below the value of rank r when fewer than r values are below it.
    assert low is None or binom.cdf(low - 1, n, share) <= 0.025
    assert binom.cdf((low or 0), n, share) > 0.025
    assert high is None or binom.sf(high - 1, n, share) <= 0.025
    assert binom.sf((high or n + 1) - 2, n, share) > 0.025


def test_of_many_values_the_ranks_are_found_too() -> None:
    low, high = quantile_ranks(100_000, 0.5)
    assert (low, high) == (binom.ppf(0.025, 100_000, 0.5), binom.ppf(0.975, 100_000, 0.5) + 1)


def test_median_of_times() -> None:
    found = quantile_estimate([float(value) for value in range(1, 101)], 0.5)
    assert found == (50.5, 40.0, 61.0, 100, METHOD, "")


def test_p95_of_few_times_is_open_above() -> None:
    found = quantile_estimate([float(value) for value in range(1, 41)], 0.95)
    assert found.value == pytest.approx(np.quantile(np.arange(1, 41), 0.95))
    assert (found.low, found.high, found.method) == (35.0, None, METHOD)
    assert found.note == "40 values are too few to say how high it may be."


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (None, None, None, 0, "", "There are no values.")),
        ([7.0], (7.0, None, None, 1, "", "One value gives no interval.")),
        ([1.0, 3.0, 2.0], (2.0, None, None, 3, "", "3 values are too few for an interval.")),
    ],
)
def test_few_values_say_so(values: list[float], expected: tuple[object, ...]) -> None:
    assert quantile_estimate(values, 0.5) == expected


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=200), st.sampled_from([0.05, 0.5, 0.95]))
def test_interval_holds_the_estimate(values: list[float], share: float) -> None:
    found = quantile_estimate(values, share)
    assert found.value == pytest.approx(float(np.quantile(values, share)))
    assert found.low is None or found.low <= found.value
    assert found.high is None or found.value <= found.high
    assert quantile_estimate(values[::-1], share) == found
