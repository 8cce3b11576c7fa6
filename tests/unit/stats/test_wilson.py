"""The interval of a share, against what is published and what statsmodels computes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from llmops.stats.wilson import wilson


@pytest.mark.parametrize(
    ("right", "low", "high"),
    [(133, 17.27, 23.38), (259, 35.59, 43.02), (248, 33.96, 41.33), (372, 52.55, 60.10)],
)
def test_shares_of_660_grade_school_problems(right: int, low: float, high: float) -> None:
    found = wilson(right / 660, 660)
    assert [round(100 * end, 2) for end in found] == [low, high]


def test_nothing_and_everything_right_leave_room() -> None:
    # 1.95996² = 3.84146; 3.84146 / (10 + 3.84146) = 0.27753
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.27753), abs=1e-5)
    assert wilson(1.0, 10) == pytest.approx((0.72247, 1.0), abs=1e-5)


@given(st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_agrees_with_statsmodels(right_of_n: tuple[int, int]) -> None:
    right, n = right_of_n
    assert wilson(right / n, n) == pytest.approx(proportion_confint(right, n, method="wilson"), abs=1e-12)


@given(st.floats(0, 1), st.floats(0.1, 1e7))
def test_holds_the_share_inside_the_scale(share: float, n: float) -> None:
    found = wilson(share, n)
    assert 0 <= found.low <= share <= found.high <= 1
    assert found.low < found.high


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_yes_and_no_are_mirrored(share: float, n: int) -> None:
    yes, no = wilson(share, n), wilson(1 - share, n)
    assert (1 - no.high, 1 - no.low) == pytest.approx(yes, abs=1e-12)
