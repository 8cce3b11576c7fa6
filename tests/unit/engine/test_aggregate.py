"""From the marks of one metric to what a page says."""

import pytest

from evals_app.choices import ValueType
from evals_app.engine.aggregate import metric_estimate
from llmops.stats.estimate import Estimate


def _estimate(values: list[float], value_type: ValueType, **given: object) -> Estimate:
    n = len(values)
    arguments = {"cases": range(n), "groups": [""] * n, "minimum": 0.0, "maximum": 1.0, "seed": 1} | given
    return metric_estimate(values=values, value_type=value_type, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("right", "percent"),
    [
        (133, (20.15, 17.27, 23.38)),
        (259, (39.24, 35.59, 43.02)),
        (248, (37.58, 33.96, 41.33)),
        (372, (56.36, 52.55, 60.10)),
    ],
)
def test_yes_and_no_is_a_share_with_wilsons_interval(right: int, percent: tuple[float, ...]) -> None:
    found = _estimate([1.0] * right + [0.0] * (660 - right), ValueType.YES_NO)
    assert tuple(round(100 * figure, 2) for figure in found[:3] if figure is not None) == percent
    assert (found.n, found.method, found.note) == (660, "Wilson interval", "")


def test_all_correct_leaves_room_for_a_mistake() -> None:
    found = _estimate([1.0] * 40, ValueType.YES_NO)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(40 / (40 + 3.84146), abs=1e-5)


def test_a_rubric_from_one_to_five_is_told_in_its_own_steps() -> None:
    found = _estimate([2.0, 3.0, 4.0] * 10, ValueType.NUMBER, minimum=1.0, maximum=5.0)
    # Standard deviation 0.8305, standard error 0.1516, t with 29 degrees of freedom 2.0452
    assert found[:3] == pytest.approx((3, 2.6899, 3.3101), abs=1e-4)
    assert found.method == "t interval, corrected for skew"


def test_repeats_and_groups_of_yes_and_no_are_clusters() -> None:
    values = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    repeated = _estimate(values, ValueType.YES_NO, cases=[1, 1, 2, 2, 3, 3])
    assert (repeated.n, repeated.method) == (3, "t interval on the means of 3 cases, corrected for skew")
    grouped = _estimate(values, ValueType.YES_NO, cases=[1, 1, 2, 3, 4, 4], groups=["a"] * 3 + ["b"] * 3)
    assert (grouped.n, grouped.method) == (2, "t interval on 2 groups of cases, corrected for skew")


def test_categories_are_counted_and_have_no_mean() -> None:
    assert _estimate([0.0, 0.0, 0.0], ValueType.CATEGORY) == (None, None, None, 3, "", "")


@pytest.mark.parametrize("value_type", [ValueType.YES_NO, ValueType.NUMBER])
def test_nothing_scored_and_one_case_say_so(value_type: ValueType) -> None:
    assert _estimate([], value_type) == (None, None, None, 0, "", "nothing was scored")
    assert _estimate([1.0], value_type) == (1.0, None, None, 1, "", "One case gives no interval.")
