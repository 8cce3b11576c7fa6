"""What the API shows of runs and results."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from evals_app.choices import ResultState, ScoreState, ValueType
from evals_app.models import Result, Run, Score
from evals_app.selectors.runs import Progress, runs_progress
from evals_app.selectors.scores import MetricResult, runs_metrics
from evals_app.selectors.waiting import run_waiting


def run_created(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "state": run.state,
        "quote": {
            "calls": run.quote_calls,
            "cost_usd": _money(run.quote_cost_usd),
            "seconds": run.quote_s,
        },
    }


def run_shown(run: Run) -> dict[str, Any]:
    return runs_shown([run])[0]


def runs_shown(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A page of runs in few queries, whatever their number; those that are going on take some more each."""
    progress, metrics = runs_progress([run.pk for run in runs]), runs_metrics(runs)
    return [_run_shown(run, progress[run.pk], metrics[run.pk]) for run in runs]


def _run_shown(run: Run, progress: Progress, metrics: list[MetricResult]) -> dict[str, Any]:
    counts, version = progress.counts, run.prompt_version
    return {
        "id": str(run.pk),
        "state": run.state,
        "reason": run.reason,
        "waiting_for": [
            {"code": waiting.code, "message": waiting.message, "until": _time(waiting.until)}
            for waiting in run_waiting(run)
        ],
        "counts": {
            "total": counts.total,
            "pending": counts.pending,
            "running": counts.running,
            "done": counts.done,
            "error": counts.error,
        },
        "scores": {metric.name: _metric_shown(metric) for metric in metrics},
        "cost_usd": _money(run.cost_usd),
        "usage": progress.usage._asdict(),
        "dataset": run.dataset.name,
        "revision": run.revision,
        "prompt": version.prompt.name if version else None,
        "version": version.number if version else None,
        "model": run.model or None,
        "label": run.label,
        "quote": run_created(run)["quote"],
        "budget_usd": _money(run.budget_usd),
        "created_at": _time(run.created_at),
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
    }


def result_shown(result: Result, *, marked_by: Collection[int]) -> dict[str, Any]:
    """A result with its scores by the evaluator versions `marked_by`, those of the run as it is now."""
    scores = [score for score in result.scores.all() if score.evaluator_version_id in marked_by]
    return {
        "id": str(result.pk),
        "case": result.case.key or str(result.case_id),
        "repeat": result.repeat,
        "state": result.state,
        "reason": result.reason,
        "error_kind": result.error_kind,
        "inputs": result.case_version.inputs,
        "expected": result.case_version.expected,
        "output": result.output if result.answered_at is not None else None,
        "scores": {score.evaluator_version.evaluator.name: score_shown(score) for score in scores},
        "latency_ms": result.latency_ms,
        "cost_usd": _money(result.cost_usd) if result.state in (ResultState.DONE, ResultState.ERROR) else None,
        "usage": {"input_tokens": result.input_tokens, "output_tokens": result.output_tokens},
        "attempts": result.n_attempts,
    }


def score_shown(score: Score) -> dict[str, Any]:
    return {
        "state": score.state,
        "value": _value(score),
        "reason": score.reason,
        "source": score.source,
    }


def _value(score: Score) -> bool | float | str | None:
    if score.state != ScoreState.SCORED:
        return None
    if score.evaluator_version.value_type == ValueType.YES_NO:
        return score.value == 1.0
    return score.label if score.evaluator_version.value_type == ValueType.CATEGORY else score.value


def _metric_shown(metric: MetricResult) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "estimate": metric.estimate.value,
        "low": metric.estimate.low,
        "high": metric.estimate.high,
        "n": metric.estimate.n,
        "method": metric.estimate.method,
        "unscored": metric.tally.unscored,
        "error": metric.tally.error,
        "skipped": metric.tally.skipped,
    }
    if metric.value_type is ValueType.CATEGORY:
        shown["categories"] = metric.tally.categories
    return shown


def _money(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment is not None else None
