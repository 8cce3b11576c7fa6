"""What the page of a run shows: how it stands, its results, and one result's full story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import Http404
from django.utils import timezone

from evals_app.choices import ACTIVE_RUN_STATES, ResultState, RunState, ValueType
from evals_app.models import Result, Run, Score
from evals_app.selectors.cases import SHOWN_CHARS
from evals_app.selectors.results import (
    MACHINE,
    Cause,
    commonest_causes,
    commonest_gap,
    result_by_id,
    result_calls,
    results_filtered,
    results_of_run,
)
from evals_app.selectors.runs import Counts, run_counts
from evals_app.selectors.scores import MetricResult, run_metrics
from evals_app.selectors.waiting import Waiting, run_waiting
from llmops.core.models import ModelCall
from llmops.ids import row_number
from llmops.providers.base import Message
from llmops.providers.gateway import CallPurpose
from llmops.texts import shortened
from prompts_app.rendering import BrokenTemplate, MissingVariable, RenderedTooLong
from prompts_app.services import rendered_messages

PAGE = 50
SOME_WAIT_MS = 50


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run stands. `left_s` is an estimate of the time to go; None when nothing can be said.

    `causes` is why those without an answer have none, the most frequent first; empty while it runs, and when all were
    answered.
    `gap` is why the first metric could not mark most of those that it could not; empty when those are few.
    """

    counts: Counts
    metrics: list[MetricResult]
    waiting: list[Waiting]
    left_s: float | None
    took: timedelta | None
    active: bool
    causes: list[Cause]
    gap: str

    @property
    def headline(self) -> MetricResult | None:
        return self.metrics[0] if self.metrics else None

    @property
    def n_other_causes(self) -> int:
        """How many have no answer for reasons that are not among the causes."""
        return self.counts.error - sum(cause.n for cause in self.causes) if self.causes else 0

    @property
    def others(self) -> list[MetricResult]:
        return self.metrics[1:]


def run_report(run: Run) -> RunReport:
    """Progress, findings and what it waits for, from rows."""
    counts = run_counts(run)
    active = run.state in ACTIVE_RUN_STATES
    metrics = run_metrics(run)
    first = metrics[0] if metrics else None
    return RunReport(
        counts=counts,
        metrics=metrics,
        waiting=run_waiting(run),
        left_s=_left_s(run, counts) if active else None,
        took=run.finished_at - run.started_at if run.finished_at and run.started_at else None,
        active=active,
        causes=commonest_causes(run) if counts.error and not active else [],
        gap=commonest_gap(run, evaluator_version_id=first.evaluator_version_id) if first and first.warns else "",
    )


def _left_s(run: Run, counts: Counts) -> float | None:
    if run.state == RunState.STOPPING:
        return None
    if not counts.finished or run.started_at is None:
        return run.quote_s
    passed_s = (timezone.now() - run.started_at).total_seconds()
    return passed_s / counts.finished * (counts.total - counts.finished)


class ShownMark(NamedTuple):
    """What a metric of the run says of one result; `state` is empty while it says nothing."""

    metric: str
    value_type: ValueType
    state: str
    value: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A result in the table, its texts cut to what a row can show, with a mark for each metric of the run.

    `answer` is why there is none where there is none.
    """

    number: str
    state: str
    title: str
    answer: str
    is_answered: bool
    expected: str | None
    latency_ms: int | None
    marks: list[ShownMark]


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """Some results with the filters above them. `chips` carry the parameters that they set as `query`.

    `shows_waits` is False where nobody measured how long the answers took, or nobody had to wait.
    """

    rows: list[ResultRow]
    metrics: list[MetricResult]
    chips: list[dict[str, Any]]
    n_shown: int
    next_after: str
    search: str
    shows_waits: bool

    def neighbours(self, number: str) -> tuple[str, str]:
        """The results before and after this one on the page, empty where there is none."""
        numbers = [row.number for row in self.rows]
        if number not in numbers:
            return "", ""
        at = numbers.index(number)
        return numbers[at - 1] if at else "", numbers[at + 1] if at + 1 < len(numbers) else ""


def run_results_page(
    run: Run, report: RunReport, *, show: str, metric: str, search: str, tag: str, after: str, limit: int = PAGE
) -> ResultsPage:
    """A page of results in the dataset's order. `metric` names the one that right and wrong speak of."""
    metrics = report.metrics
    chosen = next((found for found in metrics if found.name == metric), metrics[0] if metrics else None)
    results = results_filtered(
        results_of_run(run).prefetch_related(None),
        show=show,
        evaluator_version_id=chosen.evaluator_version_id if chosen else None,
        search=search,
        tag=tag,
    )
    if (last := row_number(after)) is not None:
        results = results.filter(pk__gt=last)
    found = list(results[: limit + 1])
    rows = _rows(found[:limit], metrics)
    return ResultsPage(
        rows=rows,
        metrics=metrics,
        chips=_chips(run, report.counts, chosen, show, tag),
        n_shown=min(len(found), limit),
        next_after=str(found[limit - 1].pk) if len(found) > limit else "",
        search=search,
        shows_waits=any(row.latency_ms is not None and row.latency_ms >= SOME_WAIT_MS for row in rows),
    )


def _rows(results: list[Result], metrics: list[MetricResult]) -> list[ResultRow]:
    scores = Score.objects.filter(result__in=results, source__in=MACHINE).order_by("pk")
    found = {
        (result_id, version_id): said
        for result_id, version_id, *said in scores.values_list(
            "result_id", "evaluator_version_id", "state", "value", "label"
        )
    }

    def row(result: Result) -> ResultRow:
        nothing = [ResultState.ERROR if result.state == ResultState.ERROR else ""]
        expected = result.case_version.expected
        return ResultRow(
            number=str(result.pk),
            state=result.state,
            title=_cut(case_title(result)),
            answer=_cut(result.output if result.answered_at else result.reason),
            is_answered=result.answered_at is not None,
            expected=None if expected is None else _cut(expected),
            latency_ms=result.latency_ms,
            marks=[
                ShownMark(
                    metric.name,
                    metric.value_type,
                    *found.get((result.pk, metric.evaluator_version_id), nothing),
                )
                for metric in metrics
            ],
        )

    return [row(result) for result in results]


def _cut(text: str) -> str:
    return shortened(text, SHOWN_CHARS)


def case_title(result: Result) -> str:
    """What a case is called in a list: its longest input, which is most often the question."""
    return max(map(str, result.case_version.inputs.values()), key=len, default=result.case.key)


def _chips(run: Run, counts: Counts, metric: MetricResult | None, show: str, tag: str) -> list[dict[str, Any]]:
    chips = [_chip("All", "", counts.total, show)]
    shown_anyway = show in ("right", "wrong")
    if metric and metric.value_type is ValueType.YES_NO and (metric.tally.yes or metric.tally.no or shown_anyway):
        chips += [
            _chip(f"{metric.name}: yes", "right", metric.tally.yes, show),
            _chip(f"{metric.name}: no", "wrong", metric.tally.no, show),
        ]
    if metric is not None and (metric.tally.not_scored or show == "not_scored"):
        chips.append(_chip("Not scored", "not_scored", metric.tally.not_scored, show))
    if counts.error or show == "error":
        chips.append(_chip("No answer", "error", counts.error, show))
    if counts.pending + counts.running or show == "waiting":
        chips.append(_chip("Waiting", "waiting", counts.pending + counts.running, show))
    critical = Result.objects.filter(run=run, case_version__tags__contains=["critical"]).count()
    if critical or tag:
        name = tag or "critical"
        chips.append(
            {
                "label": name.capitalize(),
                "count": critical if name == "critical" else None,
                "active": bool(tag),
                "query": {"tag": None if tag else name},
            }
        )
    return chips


def _chip(label: str, value: str, count: int, show: str) -> dict[str, Any]:
    return {"label": label, "count": count, "active": show == value, "query": {"show": value or None}}


@dataclass(frozen=True, slots=True)
class ResultStory:
    """Everything about one result: what was sent, what came back, every attempt, every mark with its reason."""

    result: Result
    title: str
    sent: tuple[Message, ...]
    sent_problem: str
    scores: list[Score]
    calls: list[ModelCall]
    cost_usd: Decimal | None
    facts: list[tuple[str, Any]]

    @property
    def n_attempts(self) -> int:
        """How often its answer was asked for. The result itself does not count attempts whose worker died."""
        return max(self.result.n_attempts, sum(call.purpose == CallPurpose.RUN for call in self.calls))


def result_story(run: Run, *, result_id: int) -> ResultStory | None:
    """The story of a result of this run; None when there is no such result."""
    try:
        result = result_by_id(run, result_id=result_id)
    except Http404:
        return None
    sent, problem = _sent(run, result)
    return ResultStory(
        result=result,
        title=case_title(result),
        sent=sent,
        sent_problem=problem,
        scores=list(result.scores.all()),
        calls=list(result_calls(result)),
        cost_usd=result.cost_usd,
        facts=_facts(run, result),
    )


def _facts(run: Run, result: Result) -> list[tuple[str, Any]]:
    """The inputs in the order of the dataset's columns: the database keeps another one."""
    places = {name: at for at, name in enumerate(run.dataset.columns)}
    return sorted(result.case_version.inputs.items(), key=lambda fact: places.get(fact[0], len(places)))


def _sent(run: Run, result: Result) -> tuple[tuple[Message, ...], str]:
    if run.prompt_version is None:
        return (), ""
    try:
        return rendered_messages(run.prompt_version, inputs=result.case_version.inputs), ""
    except (MissingVariable, BrokenTemplate, RenderedTooLong) as problem:
        return (), str(problem)
