"""Saving a harvest: once however often it is sent, only by who holds the lease, and never past the budget."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from evals_app.choices import ResultState, ScoreSource, ScoreState
from evals_app.engine import Mark
from evals_app.models import Result, Run
from evals_app.services.harvests import Answered, Finished, GivenBack, Harvest, NewScore, ScoredRow
from evals_app.services.leases import Claimed, results_claim
from evals_app.services.saving import Saved, harvest_save
from evals_app.services.states import runs_settle
from llmops.core.models import ModelCall
from llmops.ids import uuid7
from llmops.providers.base import Usage
from llmops.providers.gateway import CallContext, CallEnd, CallPurpose, CallStart, CallState
from tests.evals_app.factories import World, calls_of, expire_leases, make_world, scores_of

pytestmark = pytest.mark.django_db(transaction=True)

YES = Mark(ScoreState.SCORED, 1.0, "", "As expected.")


def begun(world: World, row: Claimed, *, attempt: int = 1) -> CallStart:
    return CallStart(
        id=uuid7(),
        started_at=datetime.now(UTC),
        context=CallContext(world.project.pk, CallPurpose.RUN, run_id=row.run_id, result_id=row.result_id),
        connection_id=world.connection.pk,
        vendor="practice",
        model="echo",
        attempt=attempt,
    )


def ended(cost: str | None = "0.01", **changes: object) -> CallEnd:
    end = CallEnd(
        state=CallState.OK,
        finished_at=datetime.now(UTC),
        latency_ms=5,
        first_token_ms=None,
        usage=Usage(10, 10),
        cost_usd=None if cost is None else Decimal(cost),
        price=None,
        error_kind="",
        error_message="",
        status_code=None,
        retry_after_s=None,
        finish_reason="stop",
        response_model="echo",
        response_id="",
    )
    return replace(end, **changes)  # type: ignore[arg-type]


def answered(row: Claimed, output: str = "text", cost: str | None = "0.01") -> Answered:
    cost_usd = None if cost is None else Decimal(cost)
    return Answered(row.result_id, output, "stop", 5, 10, 10, 1, cost_usd)


def scored(world: World, row: Claimed, mark: Mark = YES) -> ScoredRow:
    return ScoredRow(row.result_id, NewScore(world.exact.pk, ScoreSource.CODE, mark))


def done(row: Claimed) -> Finished:
    return Finished(row.result_id, ResultState.DONE)


def claimed_run(n_cases: int = 2, **settings: object) -> tuple[World, Run, UUID, list[Claimed]]:
    world, owner = make_world(n_cases=n_cases), uuid.uuid4()
    run = world.run(**settings)
    return world, run, owner, results_claim(owner=owner, most=100)


def save(harvest: Harvest, owner: UUID, run: Run) -> Saved:
    saved = harvest_save(harvest, owner=owner, known={run.pk})
    runs_settle([run.pk])
    run.refresh_from_db()
    return saved


def a_whole_result(world: World, row: Claimed, owner: UUID, run: Run) -> Harvest:
    """Begins a call, and returns what came of it."""
    start = begun(world, row)
    save(Harvest(begun=[start]), owner, run)
    return Harvest(
        ended=[(start, ended())], answered=[answered(row)], scored=[scored(world, row)], finished=[done(row)]
    )


def test_a_whole_result_is_saved_and_counted() -> None:
    world, run, owner, rows = claimed_run()
    saved = save(a_whole_result(world, rows[0], owner, run), owner, run)
    result = Result.objects.get(pk=rows[0].result_id)
    assert saved.n_finished == run.n_finished == 1
    assert (result.state, result.output, result.n_attempts, result.cost_usd) == ("done", "text", 1, Decimal("0.01"))
    assert (result.lease_owner, result.lease_until) == (None, None)
    assert [(score.value, score.state) for score in scores_of(run)] == [(1.0, "scored")]
    assert [(call.state, call.cost_usd) for call in calls_of(run)] == [("ok", Decimal("0.01"))]
    assert run.spent_usd == Decimal("0.01")


def test_the_same_harvest_saved_twice_counts_once() -> None:
    world, run, owner, rows = claimed_run()
    harvest = a_whole_result(world, rows[0], owner, run)
    save(harvest, owner, run)
    again = save(harvest, owner, run)
    assert again.n_finished == 0
    assert (run.n_finished, run.spent_usd) == (1, Decimal("0.01"))
    assert Result.objects.get(pk=rows[0].result_id).n_attempts == 1
    assert len(scores_of(run)) == len(calls_of(run)) == 1


def test_half_a_harvest_saved_twice_counts_once() -> None:
    """The answer was saved and its worker did not hear of it; the row is still leased."""
    world, run, owner, rows = claimed_run()
    start = begun(world, rows[0])
    half = Harvest(begun=[start])
    save(half, owner, run)
    half = Harvest(ended=[(start, ended())], answered=[answered(rows[0])], scored=[scored(world, rows[0])])
    save(half, owner, run)
    save(half, owner, run)
    result = Result.objects.get(pk=rows[0].result_id)
    assert (result.n_attempts, result.cost_usd, run.spent_usd) == (1, Decimal("0.01"), Decimal("0.01"))
    assert len(scores_of(run)) == 1


def test_an_answer_that_is_there_already_is_kept_when_its_row_ends() -> None:
    world, run, owner, rows = claimed_run()
    start = begun(world, rows[0])
    save(Harvest(begun=[start]), owner, run)
    save(Harvest(ended=[(start, ended())], answered=[answered(rows[0])]), owner, run)
    before = Result.objects.get(pk=rows[0].result_id)
    end = Finished(rows[0].result_id, ResultState.DONE, n_attempts=2, cost_usd=Decimal("0.03"))
    save(Harvest(answered=[answered(rows[0], "another", "0.50")], finished=[end]), owner, run)
    result = Result.objects.get(pk=rows[0].result_id)
    assert (result.state, result.output, result.answered_at) == ("done", "text", before.answered_at)
    assert (result.n_attempts, result.cost_usd) == (3, Decimal("0.04"))


def test_a_worker_that_lost_its_lease_changes_nothing_but_the_ledger() -> None:
    world, run, zombie, rows = claimed_run(1)
    late = a_whole_result(world, rows[0], zombie, run)
    expire_leases(run)
    owner = uuid.uuid4()
    [again] = results_claim(owner=owner, most=1)
    save(late, zombie, run)
    save(Harvest(given_back=[GivenBack(rows[0].result_id)]), zombie, run)
    result = Result.objects.get(pk=again.result_id)
    assert (result.state, result.output, result.lease_owner) == ("running", "", owner)
    assert (scores_of(run), run.n_finished) == ([], 0)
    assert run.spent_usd == Decimal("0.01")  # it was paid for
    save(a_whole_result(world, again, owner, run), owner, run)
    assert (run.state, run.n_finished, run.spent_usd) == ("finished", 1, Decimal("0.02"))


def test_an_answer_is_not_overwritten_and_a_mark_not_given_twice() -> None:
    world, run, owner, rows = claimed_run(1)
    save(Harvest(answered=[answered(rows[0], "first")], scored=[scored(world, rows[0])]), owner, run)
    expire_leases(run)
    thief = uuid.uuid4()
    [again] = results_claim(owner=thief, most=1)
    assert (again.answered, again.output, list(again.scored_by)) == (True, "first", [world.exact.pk])
    no = Mark(ScoreState.SCORED, 0.0, "", "Other.")
    save(Harvest(answered=[answered(again, "second")], scored=[scored(world, again, no)]), thief, run)
    assert Result.objects.get(pk=again.result_id).output == "first"
    assert [score.value for score in scores_of(run)] == [1.0]


def test_attempts_and_costs_add_up_over_lives() -> None:
    """Two attempts before a pause, then the answer with one, then a judge."""
    _, run, owner, rows = claimed_run(1)
    back = GivenBack(rows[0].result_id, n_attempts=2, cost_usd=Decimal("0.02"))
    save(Harvest(given_back=[back]), owner, run)
    [again] = results_claim(owner=owner, most=1)
    assert again.n_attempts == 2
    save(Harvest(answered=[answered(again, cost="0.01")]), owner, run)
    judged = Finished(again.result_id, ResultState.DONE, cost_usd=Decimal("0.005"))
    save(Harvest(finished=[judged]), owner, run)
    result = Result.objects.get(pk=again.result_id)
    assert (result.n_attempts, result.cost_usd) == (3, Decimal("0.035"))


@pytest.mark.parametrize(("of_answer", "of_judge"), [(None, "0.005"), ("0.01", None)])
def test_a_cost_that_is_partly_unknown_is_unknown(of_answer: str | None, of_judge: str | None) -> None:
    _, run, owner, rows = claimed_run(1)
    judged = Finished(rows[0].result_id, ResultState.DONE, cost_usd=None if of_judge is None else Decimal(of_judge))
    save(Harvest(answered=[answered(rows[0], cost=of_answer)], finished=[judged]), owner, run)
    assert Result.objects.get(pk=rows[0].result_id).cost_usd is None


def test_a_run_at_its_budget_stops_before_the_next_call_is_written_down() -> None:
    world, run, owner, rows = claimed_run(3, budget_usd=Decimal("0.02"), concurrency=2)
    assert len(rows) == 2
    first, second = (begun(world, row) for row in rows)
    save(Harvest(begun=[first, second]), owner, run)
    save(Harvest(ended=[(first, ended())], answered=[answered(rows[0])]), owner, run)
    assert run.state == "running"
    next_call = begun(world, rows[0])
    saved = save(Harvest(begun=[next_call], ended=[(second, ended())]), owner, run)
    assert (saved.refused, saved.closed) == ({next_call.id}, {run.pk})
    assert ModelCall.objects.filter(pk=next_call.id).count() == 0
    assert (run.state, run.reason) == (
        "stopping",
        "Stopped at its budget of $0.02. Raise the budget to go on.",
    )
    save(Harvest(given_back=[GivenBack(row.result_id) for row in rows]), owner, run)
    assert run.state == "stopped"
    assert results_claim(owner=owner, most=10) == []


def test_a_run_whose_last_result_uses_up_the_budget_is_finished() -> None:
    world, run, owner, rows = claimed_run(1, budget_usd=Decimal("0.01"))
    save(a_whole_result(world, rows[0], owner, run), owner, run)
    assert (run.state, run.reason) == ("finished", "")


def test_nothing_is_begun_for_a_run_that_was_deleted() -> None:
    world, run, owner, rows = claimed_run(1)
    start, run_id = begun(world, rows[0]), run.pk
    run.delete()
    saved = harvest_save(
        Harvest(begun=[start], answered=[answered(rows[0])], finished=[done(rows[0])]),
        owner=owner,
        known={run_id},
    )
    assert (saved.n_finished, saved.refused) == (0, {start.id})


def test_a_finished_run_stays_finished_whoever_stops_it() -> None:
    world, run, owner, rows = claimed_run(1)
    save(a_whole_result(world, rows[0], owner, run), owner, run)
    finished_at = run.finished_at
    runs_settle([run.pk])
    run.refresh_from_db()
    assert (run.state, run.finished_at) == ("finished", finished_at)


def test_a_place_that_is_taken_over_is_never_free() -> None:
    world, owner = make_world(n_cases=5), uuid.uuid4()
    run = world.run(concurrency=1)
    first, second = sorted(results_claim(owner=owner, most=1, ahead={run.pk: 1}), key=lambda row: row.ahead)
    save(replace(a_whole_result(world, first, owner, run), placed=[second.result_id]), owner, run)
    assert results_claim(owner=uuid.uuid4(), most=5) == []
    save(a_whole_result(world, second, owner, run), owner, run)
    assert len(results_claim(owner=uuid.uuid4(), most=5)) == 1


def test_saved_one_by_one_a_place_is_taken_over_before_it_is_left() -> None:
    world, run, owner, rows = claimed_run()
    harvest = replace(a_whole_result(world, rows[0], owner, run), placed=[7])
    assert [part.placed for part in harvest.by_result()] == [[7], []]
