"""How often the intervals of means hold the truth: python -m bench.coverage_sim

Prints a table over a stated grid: yes/no with shares from 0.02 to 0.98 (computed, not simulated), skewed and
bounded scores, pass@2 and pass^2 of five answers, repeats of a case and groups of cases of four kinds of
sizes, for n = 30, 100 and 1,000 clusters; then the same for n = 5, 10 and 20, and for spikes, which lie
outside the grid. Beside the interval in use stand, with mean and lowest coverage, the ordinary t interval
and, below n = 30, the BCa bootstrap. Exits with 1 when the promise is broken: on the grid a mean coverage of
93 to 97 %, and nowhere less than 90 %. Takes about a minute on one core.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import binom

from llmops.stats.means import Spread, mean_interval, spread
from llmops.stats.wilson import wilson

SEED = 20_250_101
SHARES = (0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98)
GRID_N = (30, 100, 1_000)
SMALL_N = (5, 10, 20)
BOOTSTRAP_BELOW = 30
RESAMPLES = 999
RESAMPLED_SAMPLES = 500

Rng = np.random.Generator
Array = np.ndarray


class Sample(NamedTuple):
    """Means of the clusters and their sizes, each samples x clusters."""

    means: Array
    sizes: Array


class Cell(NamedTuple):
    """One place of the grid: `draw(rng, samples, n)` from a population whose mean is `truth`."""

    family: str
    name: str
    truth: float
    draw: Callable[[Rng, int, int], Sample]


class Bounds(NamedTuple):
    low: Array
    high: Array


class Found(NamedTuple):
    coverage: float
    width: float


class Summary(NamedTuple):
    """Coverages of a family's cells in per cent, the name of the lowest, and the mean width."""

    mean: float
    lowest: float
    where: str
    width: float


# -- The grid --------------------------------------------------------------------------------------


def grid() -> Iterator[Cell]:
    yield from score_cells()
    yield from pass_cells()
    yield from repeat_cells()
    yield from group_cells()


def score_cells() -> Iterator[Cell]:
    """Rubrics of five steps, from even to nearly always the best; many full marks; Beta shapes."""
    for name, chances in {
        "rubric, middle": (0.05, 0.2, 0.5, 0.2, 0.05),
        "rubric, mostly 5": (0.01, 0.02, 0.07, 0.2, 0.7),
        "rubric, 94 % 5": (0.03, 0.01, 0.01, 0.01, 0.94),
        "rubric, 97 % 5": (0.01, 0.01, 0.0, 0.01, 0.97),
    }.items():
        steps = np.linspace(0, 1, len(chances))
        truth = float(np.dot(steps, chances))
        yield Cell("scores", name, truth, _alone(lambda rng, s, v=steps, c=chances: rng.choice(v, size=s, p=c)))
    for full in (0.8, 0.9, 0.95):
        draw = _alone(lambda rng, s, f=full: np.where(rng.random(s) < f, 1.0, rng.random(s)))
        yield Cell("scores", f"{full:.0%} full marks", full + (1 - full) / 2, draw)
    for share in SHARES:
        for concentration in (3, 10, 30):
            yield _beta_cell("scores", share, concentration)


def spike_cells() -> Iterator[Cell]:
    """Scores that are nearly all the same, so that a few rare ones make the mean: outside the grid."""
    for share in (0.02, 0.05, 0.95, 0.98):
        yield _beta_cell("spikes", share, 1)


def pass_cells() -> Iterator[Cell]:
    """Unbiased pass@2 and pass^2 from five answers, on cases whose chances differ."""
    for share in SHARES:
        for concentration in (1, 5):
            chances = (share * concentration, (1 - share) * concentration)
            both_right = share * (chances[0] + 1) / (concentration + 1)
            both_wrong = (1 - share) * (chances[1] + 1) / (concentration + 1)
            name = f"p {share} c {concentration}"
            yield Cell("pass@2, pass^2", f"pass^2, {name}", both_right, _alone(_both_of_two(*chances)))
            wrong = _both_of_two(*reversed(chances))
            any_right = _alone(lambda rng, s, both=wrong: 1 - both(rng, s))
            yield Cell("pass@2, pass^2", f"pass@2, {name}", 1 - both_wrong, any_right)


def repeat_cells() -> Iterator[Cell]:
    """Yes/no, three or five answers a case; cases from alike (c 10) to always the same answer (c 0.5)."""
    for share in SHARES:
        for concentration in (0.5, 2, 10):
            for k in (3, 5):
                name = f"p {share} c {concentration} k {k}"
                yield Cell("repeats", name, share, _alone(_right_of(k, share, concentration)))


def group_cells() -> Iterator[Cell]:
    """Yes/no, groups of four or of sizes that differ, up to a few that hold most of the cases."""
    sizes: dict[str, Callable[[Rng, tuple[int, int]], Array]] = {
        "fours": lambda rng, s: np.full(s, 4),
        "Poisson": lambda rng, s: rng.poisson(3, s) + 1,
        "geometric": lambda rng, s: rng.geometric(0.25, s),
        "a few large": lambda rng, s: np.minimum(200, np.ceil(rng.lognormal(0.5, 1.2, s))).astype(int),
    }
    for kind, sizes_of in sizes.items():
        for share in (0.02, 0.1, 0.5, 0.9, 0.98):
            for concentration in (0.5, 5):
                draw = _grouped(sizes_of, share, concentration)
                yield Cell("groups", f"{kind}, p {share} c {concentration}", share, draw)


def _beta_cell(family: str, share: float, concentration: float) -> Cell:
    a, b = share * concentration, (1 - share) * concentration
    return Cell(family, f"Beta, mean {share} c {concentration}", share, _alone(lambda rng, s: rng.beta(a, b, s)))


def _alone(values: Callable[[Rng, tuple[int, int]], Array]) -> Callable[[Rng, int, int], Sample]:
    return lambda rng, samples, n: Sample(values(rng, (samples, n)), np.ones((samples, n), dtype=int))


def _right_of(k: int, share: float, concentration: float) -> Callable[[Rng, tuple[int, int]], Array]:
    a, b = share * concentration, (1 - share) * concentration
    return lambda rng, s: rng.binomial(k, rng.beta(a, b, s)) / k


def _both_of_two(a: float, b: float) -> Callable[[Rng, tuple[int, int]], Array]:
    def values(rng: Rng, s: tuple[int, int]) -> Array:
        right = rng.binomial(5, rng.beta(a, b, s))
        return right * (right - 1) / 20

    return values


def _grouped(
    sizes_of: Callable[[Rng, tuple[int, int]], Array], share: float, concentration: float
) -> Callable[[Rng, int, int], Sample]:
    def draw(rng: Rng, samples: int, n: int) -> Sample:
        sizes = sizes_of(rng, (samples, n))
        chances = rng.beta(share * concentration, (1 - share) * concentration, (samples, n))
        return Sample(rng.binomial(sizes, chances) / sizes, sizes)

    return draw


# -- Intervals -------------------------------------------------------------------------------------


def spreads(sample: Sample) -> Array:
    """llmops.stats.means.spread of every sample, a row each; the first is checked against it."""
    weights = sample.sizes / sample.sizes.sum(1, keepdims=True)
    mean = (weights * sample.means).sum(1)
    parts = weights * (sample.means - mean[:, None])
    squares, cubes = (parts**2).sum(1), (parts**3).sum(1)
    error = np.sqrt((parts**2 / (1 - weights)).sum(1))
    concentration = (weights**2).sum(1)
    df = np.maximum(1, concentration**2 / (weights**4).sum(1) - 1)
    skewness = np.where(error < 1e-9, 0.0, cubes / np.maximum(squares, 1e-100) ** 1.5)
    found = np.stack([mean, error, skewness, df, 1 / concentration], axis=1)
    assert np.allclose(found[0], spread(sample.means[0].tolist(), sample.sizes[0].tolist()), rtol=1e-9, atol=1e-12)
    return found


def shipped(rows: Array) -> Bounds:
    bounds = np.array([mean_interval(Spread(*row)) for row in rows.tolist()])
    return Bounds(bounds[:, 0], bounds[:, 1])


def ordinary_t(rows: Array, n: int) -> Bounds:
    """The mean -+ t standard errors, n - 1 degrees of freedom, cut to the scale; Wilson when all equal."""
    mean, error, _, _, effective_n = rows.T
    half = stdtrit(n - 1, 0.975) * error
    return _or_wilson(rows, Bounds(mean - half, mean + half), effective_n)


def bca(sample: Sample, rows: Array, rng: Rng) -> Bounds:
    """The BCa bootstrap (Efron 1987) of clusters of one size; Wilson when all are equal."""
    n = sample.means.shape[1]
    draws = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    mean = rows[:, 0]
    resampled = np.sort(sample.means @ draws.T, axis=1)
    below = (resampled < mean[:, None] - 1e-12).mean(1) / 2 + (resampled <= mean[:, None] + 1e-12).mean(1) / 2
    bias = ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    acceleration = rows[:, 2] / 6
    ends = []
    for tail in (0.025, 0.975):
        shifted = bias + ndtri(tail)
        level = ndtr(bias + shifted / (1 - acceleration * shifted))
        place = np.clip(np.rint(level * (RESAMPLES + 1)).astype(int) - 1, 0, RESAMPLES - 1)
        ends.append(resampled[np.arange(len(mean)), place])
    return _or_wilson(rows, Bounds(*ends), rows[:, 4])


def _or_wilson(rows: Array, bounds: Bounds, n: Array) -> Bounds:
    equal = rows[:, 1] < 1e-9
    fallback = np.array([wilson(mean, n) for mean, n in zip(rows[:, 0].tolist(), n.tolist(), strict=True)])
    return Bounds(
        np.clip(np.where(equal, fallback[:, 0], bounds.low), 0, 1),
        np.clip(np.where(equal, fallback[:, 1], bounds.high), 0, 1),
    )


# -- Coverage --------------------------------------------------------------------------------------


def samples_at(n: int) -> int:
    """Standard error of one coverage near 95 %: 0.3 points for 30 and 100, else 0.7."""
    return 4_000 if n in (30, 100) else 1_000


def covered(bounds: Bounds, truth: float) -> Found:
    held = (bounds.low <= truth + 1e-12) & (truth - 1e-12 <= bounds.high)
    return Found(100 * float(held.mean()), float((bounds.high - bounds.low).mean()))


def cell_coverage(cell: Cell, n: int, rng: Rng, samples: int) -> dict[str, Found]:
    """Coverage of a cell by method: `shipped`, `t`, and `bca` for small n without groups."""
    sample = cell.draw(rng, samples, n)
    rows = spreads(sample)
    found = {"shipped": covered(shipped(rows), cell.truth), "t": covered(ordinary_t(rows, n), cell.truth)}
    if n < BOOTSTRAP_BELOW and (sample.sizes == 1).all():
        few = Sample(sample.means[:RESAMPLED_SAMPLES], sample.sizes[:RESAMPLED_SAMPLES])
        found["bca"] = covered(bca(few, rows[:RESAMPLED_SAMPLES], rng), cell.truth)
    return found


def share_coverage(n: int, share: float) -> Found:
    """Coverage and mean width of Wilson's interval of a share, exactly."""
    counts = np.arange(n + 1)
    bounds = np.array([wilson(count / n, n) for count in counts.tolist()])
    chances = binom.pmf(counts, n, share)
    held = (bounds[:, 0] <= share) & (share <= bounds[:, 1])
    return Found(100 * float(chances[held].sum()), float(chances @ (bounds[:, 1] - bounds[:, 0])))


def summary(found: dict[str, Found]) -> Summary:
    where = min(found, key=lambda name: found[name].coverage)
    return Summary(
        mean=float(np.mean([cell.coverage for cell in found.values()])),
        lowest=found[where].coverage,
        where=where,
        width=float(np.mean([cell.width for cell in found.values()])),
    )


# -- The table -------------------------------------------------------------------------------------

HEAD = f"{'coverage in %':16} {'n':>5} places   mean lowest  width             t           BCa  lowest at"


def table_row(family: str, n: int, by_method: dict[str, dict[str, Found]]) -> Summary:
    """Print one family at one n: mean, lowest coverage and mean width; for others mean and lowest."""
    ours = summary(by_method["shipped"])
    others = []
    for method in ("t", "bca"):
        other = summary(by_method[method]) if by_method.get(method) else None
        others.append(f"{other.mean:5.1f} {other.lowest:6.1f}" if other else f"{'-':>12}")
    places = len(by_method["shipped"])
    figures = f"{ours.mean:5.1f} {ours.lowest:6.1f} {ours.width:6.3f}"
    print(f"{family:16} {n:5} {places:6}  {figures}  {others[0]}  {others[1]}  {ours.where}", flush=True)
    return ours


def family_rows(n: int, cells: list[Cell], rng: Rng) -> list[Summary]:
    by_family: dict[str, dict[str, dict[str, Found]]] = {}
    for cell in cells:
        for method, found in cell_coverage(cell, n, rng, samples_at(n)).items():
            by_family.setdefault(cell.family, {}).setdefault(method, {})[cell.name] = found
    return [table_row(family, n, by_method) for family, by_method in by_family.items()]


def share_row(n: int) -> Summary:
    shares = [round(0.02 + 0.01 * step, 2) for step in range(97)]
    return table_row("yes/no", n, {"shipped": {f"p {share}": share_coverage(n, share) for share in shares}})


def main() -> int:
    started = time.monotonic()
    rng = np.random.default_rng(SEED)
    print(HEAD)
    on_grid = [row for n in GRID_N for row in [share_row(n), *family_rows(n, list(grid()), rng)]]
    print("below the grid, and spikes")
    for n in SMALL_N:
        share_row(n)
        family_rows(n, list(grid()), rng)
    for n in (*SMALL_N, *GRID_N):
        family_rows(n, list(spike_cells()), rng)
    mean, lowest = float(np.mean([row.mean for row in on_grid])), min(row.lowest for row in on_grid)
    kept = 93 <= mean <= 97 and lowest >= 90
    verdict = f"promise {'kept' if kept else 'BROKEN'}; {time.monotonic() - started:.0f} s"
    print(f"on the grid: mean of the rows {mean:.1f} %, lowest {lowest:.1f} %: {verdict}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
