"""A small part of bench/coverage_sim.py: the places where ordinary intervals fail must hold."""

import numpy as np
import pytest

from bench.coverage_sim import Cell, cell_coverage, grid, share_coverage, spike_cells

HARD = {
    "90% full marks": 30,
    "rubric, 97 % 5": 100,
    "Beta, mean 0.02 c 3": 30,
    "Beta, mean 0.98 c 3": 10,
    "Beta, mean 0.02 c 1": 30,
    "pass^2, p 0.05 c 1": 30,
    "pass@2, p 0.98 c 1": 100,
    "p 0.05 c 0.5 k 5": 30,
    "p 0.98 c 2 k 3": 100,
    "a few large, p 0.5 c 0.5": 30,
    "a few large, p 0.9 c 0.5": 100,
    "Poisson, p 0.02 c 0.5": 100,
}
SAMPLES = 1_000


@pytest.fixture(scope="module")
def cells() -> dict[str, Cell]:
    return {cell.name: cell for cell in [*grid(), *spike_cells()]}


@pytest.mark.parametrize(("name", "n"), HARD.items())
def test_hard_places_are_covered(cells: dict[str, Cell], name: str, n: int) -> None:
    found = cell_coverage(cells[name], n, np.random.default_rng(1), SAMPLES)
    assert found["shipped"].coverage >= 90


def test_the_simulation_tells_good_intervals_from_bad(cells: dict[str, Cell]) -> None:
    found = cell_coverage(cells["Beta, mean 0.98 c 3"], 10, np.random.default_rng(1), SAMPLES)
    assert found["t"].coverage < 75
    assert found["bca"].coverage < 80


def test_easy_places_are_no_wider_than_needed(cells: dict[str, Cell]) -> None:
    found = cell_coverage(cells["rubric, middle"], 100, np.random.default_rng(1), SAMPLES)
    assert 93 <= found["shipped"].coverage <= 97
    assert found["shipped"].width == pytest.approx(found["t"].width, rel=0.01)


@pytest.mark.parametrize("n", [30, 100, 1_000])
def test_shares_are_covered_at_every_share(n: int) -> None:
    coverages = [share_coverage(n, percent / 100).coverage for percent in range(2, 99)]
    assert min(coverages) >= 90
    assert 94 <= np.mean(coverages) <= 96
