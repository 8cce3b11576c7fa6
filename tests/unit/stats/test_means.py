"""The interval of a mean, piece by piece against other ways to the same figures."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmops.stats.means import Spread, mean_interval, spread
from llmops.stats.wilson import wilson

SIZES = [12, 1, 3, 7, 1, 2]


def test_without_clusters_the_standard_error_is_the_ordinary_one() -> None:
    values = [0.1, 0.4, 0.35, 0.8, 1.0]
    found = spread(values, [1] * 5)
    assert found.mean == pytest.approx(0.53)
    assert found.standard_error == pytest.approx(stats.sem(values))
    assert found.skewness == pytest.approx(stats.skew(values) / math.sqrt(5))
    assert (found.df, found.effective_n) == pytest.approx((4, 5))


def test_equal_clusters_agree_with_cluster_robust_regression() -> None:
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(12), 4)
    values = np.clip(rng.normal(0.6, 0.1, 48) + rng.normal(0, 0.2, 12)[groups], 0, 1)
    fitted = sm.OLS(values, np.ones(48)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    found = spread(values.reshape(12, 4).mean(1).tolist(), [4] * 12)
    assert found.mean == pytest.approx(fitted.params[0])
    assert found.standard_error == pytest.approx(fitted.bse[0])
    assert found.df == pytest.approx(11)


def test_unequal_clusters_have_the_standard_error_cr2() -> None:
    """Bell and McCaffrey's matrices written out: residuals times (I - H)^(-1/2) by cluster."""
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(len(SIZES)), SIZES)
    values = rng.random(len(groups))
    n = len(values)
    residuals = values - values.mean()
    variance = 0.0
    for group, size in enumerate(SIZES):
        roots, vectors = np.linalg.eigh(np.eye(size) - np.ones((size, size)) / n)
        adjusted = vectors @ np.diag(roots**-0.5) @ vectors.T @ residuals[groups == group]
        variance += (adjusted.sum() / n) ** 2
    found = spread([float(values[groups == group].mean()) for group in range(len(SIZES))], SIZES)
    assert found.mean == pytest.approx(values.mean())
    assert found.standard_error == pytest.approx(math.sqrt(variance))


def test_a_large_cluster_leaves_few_degrees_of_freedom() -> None:
    # Weights 0.5 and ten of 0.05: squares add up to 0.275, fourth powers to 0.0625625; 0.275² / 0.0626 < 2
    found = spread([0.2] + [0.7] * 10, [10] + [1] * 10)
    assert found.df == 1
    assert found.effective_n == pytest.approx(1 / 0.275)
    # Weights of 0.1 and 0.3: 4 * 0.01 + 2 * 0.09 = 0.22; 4 * 0.0001 + 2 * 0.0081 = 0.0166; 0.22² = 0.0484
    assert spread([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1, 1, 1, 1, 3, 3]).df == pytest.approx(0.0484 / 0.0166 - 1)


def test_symmetric_scores_have_the_t_interval() -> None:
    values = [0.2, 0.4, 0.6, 0.8] * 10
    expected = stats.t.interval(0.95, 39, np.mean(values), stats.sem(values))
    assert mean_interval(spread(values, [1] * 40)) == pytest.approx(expected, abs=1e-6)


def test_skewed_scores_lean_by_halls_transformation() -> None:
    """T + a T² / 3 + a² T³ / 27 + a / 6 of both ends is what Student's t has."""
    values = [0.05] * 25 + [0.2] * 10 + [0.5] * 5
    found = spread(values, [1] * 40)
    a = stats.skew(values) / math.sqrt(40)
    t = stats.t.ppf(0.975, 39)
    for end, expected in zip(mean_interval(found), (t, -t), strict=True):
        studentised = (np.mean(values) - end) / stats.sem(values)
        transformed = studentised + a * studentised**2 / 3 + a**2 * studentised**3 / 27 + a / 6
        assert transformed == pytest.approx(expected, abs=1e-5)


def test_one_outlier_makes_no_wider_interval_than_yes_and_no() -> None:
    found = spread([1.0] * 29 + [0.0], [1] * 30)
    assert mean_interval(found).low == pytest.approx(wilson(29 / 30, 30, stats.t.ppf(0.975, 29)).low, abs=1e-5)


def test_near_equal_scores_leave_room_for_one_more_case() -> None:
    values = [0.899, 0.901] * 10
    assert mean_interval(spread(values, [1] * 20)) == pytest.approx((0.9 * 20 / 21, (0.9 * 20 + 1) / 21))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_equal_clusters_have_wilsons_interval_for_their_effective_number(value: float) -> None:
    found = spread([value] * 3, [2, 1, 1])
    assert found.all_equal
    assert mean_interval(found) == wilson(value, 1 / (0.25 + 0.0625 + 0.0625))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 500)), min_size=2, max_size=40))
def test_interval_holds_the_mean_inside_the_scale(clusters: list[tuple[float, int]]) -> None:
    found = spread([mean for mean, _ in clusters], [size for _, size in clusters])
    low, high = mean_interval(found)
    assert 0 <= low <= found.mean <= high <= 1
    assert high - low > 1e-4
    assert 1 <= found.df <= len(clusters) - 1 + 1e-6
    assert abs(found.skewness) <= 1 + 1e-9


def test_rounding_is_no_spread() -> None:
    assert Spread(0.3, 5e-17, 0.0, 9, 10).all_equal
    assert spread([0.1 + 0.2, 0.3, 0.3], [1, 1, 1]).all_equal
