"""The list of runs, each with its headline: what the run found with its first metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from evals_app.choices import ACTIVE_RUN_STATES, RunState
from evals_app.models import Run, RunEvaluator
from evals_app.selectors.runs import runs_for_project
from evals_app.selectors.scores import MetricResult, Tally, metric_result
from llmops.core.models import Project

PAGE = 50


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the list; `headline` is None while nothing was marked."""

    run: Run
    headline: MetricResult | None

    @property
    def active(self) -> bool:
        return RunState(self.run.state) in ACTIVE_RUN_STATES


class RunsPage(NamedTuple):
    """Some runs, newest first, and the id before which the next page starts (None: that was all)."""

    rows: list[RunRow]
    next_before: int | None


def runs_page(
    project: Project, *, before: int | None = None, prompt: str = "", dataset: str = "", limit: int = PAGE
) -> RunsPage:
    """A page of runs in a constant number of queries, but for runs that are going on now."""
    runs = runs_for_project(project)
    if before:
        runs = runs.filter(pk__lt=before)
    if prompt:
        runs = runs.filter(prompt_version__prompt__name=prompt)
    if dataset:
        runs = runs.filter(dataset__name=dataset)
    found = list(runs[: limit + 1])
    rows = found[:limit]
    first = {
        row.run_id: row
        for row in RunEvaluator.objects.filter(run__in=rows, position=0).select_related("evaluator_version__evaluator")
    }
    return RunsPage(
        [RunRow(run, _headline(run, first.get(run.pk))) for run in rows],
        rows[-1].pk if len(found) > limit else None,
    )


def _headline(run: Run, first: RunEvaluator | None) -> MetricResult | None:
    return metric_result(run, first, Tally()) if first is not None else None
