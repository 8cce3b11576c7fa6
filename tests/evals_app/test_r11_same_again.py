"""R11: the same run over the same answers comes to the same marks and figures, to the last bit."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from evals_app.models import Result, Run, RunEvaluator, Score
from evals_app.services import evaluator_create
from evals_app.services.summaries import summaries_fill
from tests.evals_app.factories import World, drive, make_world
from tests.jobs.model_server import ModelServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback")]

KINDS: dict[str, dict[str, Any]] = {
    "exact": {},
    "contains": {"texts": ["1", "3"]},
    "regex": {"pattern": r"\d[02468]$"},
    "numeric": {},
}


def answer(text: str) -> str:
    """Always the same to the same question: right, wrong, a grade of a judge."""
    dice = hashlib.sha256(text.encode()).digest()[0]
    return f"{text}\nGrade: {'yes' if dice % 2 else 'no'}" if dice % 3 else text


def test_r11_the_same_answers_come_to_the_same_figures_to_the_last_bit() -> None:
    """Asked in another order, at other times, with other concurrency and by another worker."""
    with ModelServer(answer=answer) as server:
        world = make_world(n_cases=45, base_url=server.url)
        metrics = [world.exact, *(metric(world, kind, config) for kind, config in KINDS.items())]
        metrics.append(world.judge("judge"))
        runs = [world.run(evaluators=metrics, sample=30, repeats=2, concurrency=concurrency) for concurrency in (40, 7)]
        drive()
        drive()
    assert summaries_fill() == 2
    first, second = (found_in(run) for run in runs)
    assert len(first["marks"]) == 30 * 2 * len(metrics)
    assert {value for *_, value, _, _ in first["marks"]} >= {(0.0).hex(), (1.0).hex()}
    assert first == second


def metric(world: World, kind: str, config: dict[str, Any]) -> Any:
    return evaluator_create(project=world.project, name=f"{kind} of R11", kind=kind, config=config)


def found_in(run: Run) -> dict[str, Any]:
    """Everything that a run came to, but for its times, with all bits of its numbers."""
    run.refresh_from_db()
    assert run.state == "finished"
    results = Result.objects.filter(run=run).order_by("position", "repeat")
    marks = Score.objects.filter(run=run).order_by("result__position", "result__repeat", "evaluator_version")
    figures = RunEvaluator.objects.filter(run=run).order_by("position")
    return {
        "results": list(results.values_list("case", "repeat", "state", "output", "input_tokens", "output_tokens")),
        "marks": [
            (
                *(mark.result.position, mark.result.repeat, mark.evaluator_version_id),
                *(mark.state, bits(mark.value), mark.label, mark.reason),
            )
            for mark in marks.select_related("result")
        ],
        "figures": [
            (row.evaluator_version_id, bits(row.estimate), bits(row.low), bits(row.high), row.n, row.method, row.note)
            for row in figures
        ],
        "spent": run.spent_usd,
    }


def bits(number: float | None) -> str:
    return "" if number is None else number.hex()
