"""The quantile of Student's t, against scipy."""

import pytest
from scipy.stats import t

from llmops.stats.student import SERIES_FROM_DF, t_95


@pytest.mark.parametrize("df", [1, 1.35, 2, 4.1, 9, 9.999, SERIES_FROM_DF, 10.5, 29, 30, 99.5, 999, 1e7])
def test_agrees_with_scipy(df: float) -> None:
    assert t_95(df) == pytest.approx(t.ppf(0.975, df), abs=1e-5)


def test_the_series_has_all_its_terms() -> None:
    assert t_95(100) == pytest.approx(t.ppf(0.975, 100), abs=2e-10)


def test_where_the_series_takes_over_nothing_jumps() -> None:
    assert t_95(SERIES_FROM_DF - 1e-9) == pytest.approx(t_95(SERIES_FROM_DF), abs=1e-5)
