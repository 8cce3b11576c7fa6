"""What ended runs found is kept beside them, and forgotten when they go on."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from evals_app.models import Run, RunEvaluator
from evals_app.services import run_resume, run_stop, summaries
from evals_app.services.summaries import run_summarise, summaries_fill
from tests.evals_app.factories import drive, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def summarised(run: Run) -> list[bool]:
    rows = RunEvaluator.objects.filter(run=run).order_by("position")
    return [row.summarised_at is not None for row in rows]


def test_ended_runs_are_summarised_once() -> None:
    world = make_world(n_cases=4)
    going, ended = world.run(), world.run()
    run_stop(going)
    run_resume(going)
    drive()
    going.refresh_from_db()
    assert summaries_fill() == 2
    assert summaries_fill() == 0
    [row] = RunEvaluator.objects.filter(run=ended)
    assert (row.estimate, row.n, row.n_unscored, row.n_error, row.n_skipped) == (1.0, 4, 0, 0, 0)
    assert row.low is not None
    assert row.high == 1.0


def test_a_run_that_is_going_on_is_not_summarised() -> None:
    run = make_world().run()
    run_summarise(run)
    assert (summaries_fill(), summarised(run)) == (0, [False])


def test_a_run_resumed_while_it_is_summarised_keeps_no_stale_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_world(n_cases=4).run()
    run_stop(run)
    resuming: list[threading.Thread] = []
    compute = summaries.computed_estimate

    def computed_estimate(*arguments: Any) -> Any:
        resuming.append(threading.Thread(target=_resume, args=[run.pk]))
        resuming[0].start()
        _wait_for_a_lock()
        return compute(*arguments)

    monkeypatch.setattr(summaries, "computed_estimate", computed_estimate)
    assert summaries_fill() == 1
    resuming[0].join(10)
    run.refresh_from_db()
    assert (run.state, summarised(run)) == ("queued", [False])


def _resume(run_id: int) -> None:
    try:
        run_resume(Run.objects.get(pk=run_id))
    finally:
        connection.close()


def _wait_for_a_lock() -> None:
    """Until somebody waits for a lock; the other one must be that far for the race to be one."""
    for _ in range(5_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


def test_a_run_that_cannot_be_summarised_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(n_cases=2)
    good, bad, other = world.run(), world.run(), world.run()
    drive()
    compute = summaries.computed_estimate

    def computed_estimate(run: Run, row: RunEvaluator) -> Any:
        if run.pk == bad.pk:
            raise ZeroDivisionError
        return compute(run, row)

    monkeypatch.setattr(summaries, "computed_estimate", computed_estimate)
    assert summaries_fill() == 2
    assert [summarised(run) for run in (good, bad, other)] == [[True], [False], [True]]
