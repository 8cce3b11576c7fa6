"""From the scores of a run to what it found: an estimate with its interval for each metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db import connection

from evals_app.choices import ACTIVE_RUN_STATES, ScoreState, ValueType
from evals_app.engine.aggregate import metric_estimate
from evals_app.models import Run, RunEvaluator
from evals_app.selectors.runs import runs_evaluators
from llmops.stats.estimate import Estimate

RIGHT_OR_WRONG = frozenset({"exact", "contains", "numeric"})
"""Kinds that compare with the expected answer, so that a yes means that the answer is correct."""

WARN_NOT_SCORED = 0.02
"""A run with a larger share of marks missing carries a warning (METHODS section 1)."""

SO_FAR_S = 2


@dataclass(slots=True)
class Tally:
    """Marks of one metric counted: by state, and those that were scored by yes, no and category."""

    scored: int = 0
    unscored: int = 0
    error: int = 0
    skipped: int = 0
    yes: int = 0
    no: int = 0
    categories: dict[str, int] = field(default_factory=dict)

    @property
    def not_scored(self) -> int:
        return self.unscored + self.error + self.skipped


@dataclass(frozen=True, slots=True)
class MetricResult:
    """What a run found with one evaluator version; `minimum` to `maximum` is the scale of its values."""

    name: str
    kind: str
    evaluator_version_id: int
    value_type: ValueType
    minimum: float
    maximum: float
    direction: str
    estimate: Estimate
    tally: Tally

    @property
    def is_yes_no(self) -> bool:
        return self.value_type is ValueType.YES_NO

    @property
    def unit(self) -> str:
        """How its figure is written: see `estimate`."""
        return "number" if self.value_type is ValueType.NUMBER else "percent"

    @property
    def before(self) -> str:
        """What stands before its figure: "Tone: 4.1"."""
        return self.name if self.value_type is ValueType.NUMBER else ""

    @property
    def after(self) -> str:
        """What stands after its figure: "81 % correct"."""
        if not self.is_yes_no:
            return ""
        return "correct" if self.kind in RIGHT_OR_WRONG else f"yes on “{self.name}”"

    @property
    def warns(self) -> bool:
        total = self.tally.scored + self.tally.not_scored
        return bool(total) and self.tally.not_scored / total > WARN_NOT_SCORED


def run_metrics(run: Run) -> list[MetricResult]:
    """What the run found so far, in the order of its evaluators: kept summaries, else from the scores."""
    return runs_metrics([run])[run.pk]


def runs_metrics(runs: Sequence[Run]) -> dict[int, list[MetricResult]]:
    """What these runs found so far; two queries, and one for each metric of a run that was not summarised yet."""
    by_id = {run.pk: run for run in runs}
    rows = runs_evaluators(by_id)
    tallies = _tallies({row.run_id for row in rows})
    found: dict[int, list[MetricResult]] = {run_id: [] for run_id in by_id}
    for row in rows:
        tally = tallies.get((row.run_id, row.evaluator_version_id), Tally())
        found[row.run_id].append(metric_result(by_id[row.run_id], row, tally))
    return found


def metric_result(run: Run, row: RunEvaluator, tally: Tally) -> MetricResult:
    """One metric's result; the estimate is the kept one once the run was summarised."""
    version = row.evaluator_version
    value_type = ValueType(version.value_type)
    minimum, maximum = value_range(version.config, value_type)
    estimate = (
        Estimate(row.estimate, row.low, row.high, row.n, row.method, row.note)
        if row.summarised_at is not None
        else _estimate_so_far(run, row)
    )
    return MetricResult(
        name=version.evaluator.name,
        kind=version.evaluator.kind,
        evaluator_version_id=version.pk,
        value_type=value_type,
        minimum=minimum,
        maximum=maximum,
        direction=version.direction,
        estimate=estimate,
        tally=tally,
    )


def _estimate_so_far(run: Run, row: RunEvaluator) -> Estimate:
    """The estimate from the scores that are there; of a run that goes on, one at most `SO_FAR_S` seconds old, since
    many people and programs may be watching, and it takes all scores each time."""
    if run.state not in ACTIVE_RUN_STATES:
        return computed_estimate(run, row)
    key = f"estimate-so-far:{row.pk}:{run.created_at.timestamp()}"
    found: Estimate | None = cache.get(key)
    if found is None:
        found = computed_estimate(run, row)
        cache.set(key, found, SO_FAR_S)
    return found


def run_tallies(run: Run) -> dict[int, Tally]:
    """The marks of a run counted in one query, by evaluator version."""
    return {version_id: tally for (_, version_id), tally in _tallies([run.pk]).items()}


def _tallies(run_ids: Collection[int]) -> dict[tuple[int, int], Tally]:
    """By run and evaluator version."""
    tallies: defaultdict[tuple[int, int], Tally] = defaultdict(Tally)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT run_id, evaluator_version_id, state, value, label, count(*) FROM evals_app_score"
            " WHERE run_id = ANY(%s) AND source IN ('code', 'judge') GROUP BY 1, 2, 3, 4, 5",
            [list(run_ids)],
        )
        for run_id, version_id, state, value, label, n in cursor.fetchall():
            tally = tallies[run_id, version_id]
            setattr(tally, state, getattr(tally, state) + n)
            if state == ScoreState.SCORED and label:
                tally.categories[label] = tally.categories.get(label, 0) + n
            elif state == ScoreState.SCORED:
                tally.yes += n if value == 1 else 0
                tally.no += n if value == 0 else 0
    return dict(tallies)


_SCORED = """
    SELECT score.value, result.case_id, content."group"
      FROM evals_app_score AS score
      JOIN evals_app_result AS result ON result.id = score.result_id
      JOIN evals_app_caseversion AS content ON content.id = result.case_version_id
     WHERE score.run_id = %s AND score.evaluator_version_id = %s AND score.source IN ('code', 'judge')
       AND score.state = 'scored' AND (score.value IS NOT NULL OR score.label <> '')
     ORDER BY result.position, result.repeat
"""


def computed_estimate(run: Run, row: RunEvaluator) -> Estimate:
    """The estimate from all scores. Resampling is seeded by the run's id, so a second look gives the same."""
    version = row.evaluator_version
    value_type = ValueType(version.value_type)
    minimum, maximum = value_range(version.config, value_type)
    with connection.cursor() as cursor:
        cursor.execute(_SCORED, [run.pk, version.pk])
        scores = cursor.fetchall()
    return metric_estimate(
        values=[score[0] for score in scores],
        cases=[score[1] for score in scores],
        groups=[score[2] for score in scores],
        value_type=value_type,
        minimum=minimum,
        maximum=maximum,
        seed=run.pk,
    )


def value_range(config: Mapping[str, Any], value_type: ValueType) -> tuple[float, float]:
    """The ends of the scale that values are given on."""
    return (1.0, 5.0) if value_type is ValueType.NUMBER and config.get("scale") == "one_to_five" else (0.0, 1.0)
