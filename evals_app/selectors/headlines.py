"""The list of runs, each with its headline: what the run found with its first metric."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from evals_app.choices import ACTIVE_RUN_STATES, ResultState, RunState
from evals_app.models import Result, Run, RunEvaluator
from evals_app.selectors.runs import runs_for_project, runs_going_by
from evals_app.selectors.scores import MetricResult, Tally, metric_result
from llmops.core.models import Project

PAGE = 50
MOST_CHOICES = 30
STATE_GROUPS: dict[str, tuple[RunState, ...]] = {
    "going": ACTIVE_RUN_STATES,
    "finished": (RunState.FINISHED,),
    "ended": (RunState.STOPPED, RunState.FAILED),
}
MISSING = "missing"
"""Beside the groups of states: runs with results that ended without an answer, whatever state they are in."""
NO_ANSWERS = "no_answers"
"""What a finished run is shown as when not one of its calls was answered."""

_UNANSWERED = Result.objects.filter(run=OuterRef("pk"), state=ResultState.ERROR).order_by()


class RunFits(NamedTuple):
    """What the list of runs is narrowed down to; all empty: every run. `state` is a key of STATE_GROUPS, or MISSING."""

    search: str = ""
    state: str = ""
    prompt: str = ""
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the list; `headline` is None when it has no metric, `n_unanswered` counts results that ended without
    an answer."""

    run: Run
    headline: MetricResult | None
    n_unanswered: int

    @property
    def active(self) -> bool:
        return RunState(self.run.state) in ACTIVE_RUN_STATES

    @property
    def n_answered(self) -> int:
        return self.run.n_finished - self.n_unanswered

    @property
    def shown_state(self) -> str:
        """The state of the run, or NO_ANSWERS."""
        return NO_ANSWERS if self.run.state == RunState.FINISHED and not self.n_answered else self.run.state


class RunsPage(NamedTuple):
    """Some runs, newest first, and the id before which the next page starts (None: that was all)."""

    rows: list[RunRow]
    next_before: int | None


def runs_that_fit(project: Project, fits: RunFits) -> QuerySet[Run]:
    """The project's runs that are asked for, newest first; the search finds what the search over everything does."""
    runs = runs_going_by(project, fits.search) if fits.search else runs_for_project(project)
    if fits.state == MISSING:
        runs = runs.filter(Exists(_UNANSWERED))
    elif fits.state:
        runs = runs.filter(state__in=STATE_GROUPS.get(fits.state, ()))
    if fits.prompt:
        runs = runs.filter(prompt_version__prompt__name=fits.prompt)
    if fits.dataset:
        runs = runs.filter(dataset__name=fits.dataset)
    return runs


def run_counts(project: Project) -> dict[str, int]:
    """How many runs the project has in each group of states, with answers missing, and in all under the empty name."""
    by_state = Run.objects.filter(project=project).values_list("state")
    n_missing = Count("pk", filter=Exists(_UNANSWERED))
    rows: list[Any] = list(by_state.annotate(n=Count("pk"), n_missing=n_missing))
    found = {state: n for state, n, _ in rows}
    groups = {name: _sum(found, states) for name, states in STATE_GROUPS.items()}
    return {"": sum(found.values()), **groups, MISSING: sum(n for *_, n in rows)}


def _sum(found: dict[str, int], states: Collection[RunState]) -> int:
    return sum(found.get(state, 0) for state in states)


def run_subjects(project: Project, path: str) -> list[str]:
    """The names of prompts (path "prompt_version__prompt") or datasets ("dataset") with runs, the latest run first."""
    names = Run.objects.filter(project=project, **{f"{path}__isnull": False}).values_list(f"{path}__name")
    return [name for name, _ in names.annotate(latest=Max("pk")).order_by("-latest")[:MOST_CHOICES]]


def runs_page(
    project: Project, fits: RunFits | None = None, *, before: int | None = None, limit: int = PAGE
) -> RunsPage:
    """A page of runs in a constant number of queries, but for runs that are going on now."""
    runs = runs_that_fit(project, fits or RunFits())
    if before:
        runs = runs.filter(pk__lt=before)
    n_unanswered = Subquery(_UNANSWERED.values("run").annotate(n=Count("pk")).values("n"))
    found = list(runs.annotate(n_unanswered=Coalesce(n_unanswered, 0))[: limit + 1])
    rows = found[:limit]
    first = {
        row.run_id: row
        for row in RunEvaluator.objects.filter(run__in=rows, position=0).select_related("evaluator_version__evaluator")
    }
    return RunsPage(
        [RunRow(run, _headline(run, first.get(run.pk)), run.n_unanswered) for run in rows],
        rows[-1].pk if len(found) > limit else None,
    )


def _headline(run: Run, first: RunEvaluator | None) -> MetricResult | None:
    return metric_result(run, first, Tally()) if first is not None else None
