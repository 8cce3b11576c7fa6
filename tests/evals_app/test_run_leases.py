"""Claiming: no row twice, no run over its concurrency, every run its share, and dead workers' rows again."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from evals_app.models import Result, Run, RunEvaluator
from evals_app.selectors.runs import run_counts
from evals_app.selectors.stories import result_story
from evals_app.services import run_stop
from evals_app.services.harvests import GivenBack
from evals_app.services.leases import (
    SUSPECT_LEASES,
    Claimed,
    bite,
    given_up,
    leases_renew,
    results_claim,
    results_give_back,
)
from evals_app.services.sweeping import runs_sweep
from llmops.core.services import calls_begin
from llmops.ids import uuid7
from llmops.providers.gateway import CallContext, CallPurpose, CallStart
from tests.evals_app.factories import World, calls_of, expire_leases, leased, make_world, states_of
from tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


def claim(most: int = 100, owner: UUID | None = None) -> list[Claimed]:
    return results_claim(owner=owner or uuid.uuid4(), most=most)


def begin_call(row: Claimed, project_id: int) -> UUID:
    """An attempt for this row, written down and sent by a worker that never comes back."""
    start = CallStart(
        id=uuid7(),
        started_at=datetime.now(UTC),
        context=CallContext(project_id, CallPurpose.RUN, run_id=row.run_id, result_id=row.result_id),
        connection_id=1,
        vendor="practice",
        model="echo",
        attempt=1,
    )
    calls_begin([start])
    return start.id


def test_claimers_at_once_never_exceed_the_concurrency() -> None:
    world = make_world(n_cases=60)
    for _ in range(5):
        run = world.run(concurrency=30)
        in_threads(*[lambda: claim(25)] * 6)
        assert leased(run) == 30
        run.delete()


def test_a_claimer_that_waited_for_the_lock_sees_what_was_leased_meanwhile() -> None:
    run = make_world(n_cases=240).run(concurrency=200)
    for _ in range(8):
        claim(20)
    locked, claimed = threading.Event(), list[Claimed]()

    def first() -> None:
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=run.pk)
            locked.set()
            _wait_for_a_blocked_backend()
            assert len(claim(25)) == 25

    def second() -> None:
        locked.wait(10)
        claimed.extend(claim(25))

    in_threads(first, second)
    assert len(claimed) == 15
    assert leased(run) == 200


def _wait_for_a_blocked_backend() -> None:
    for _ in range(2_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


def test_claimers_at_once_never_take_the_same_row() -> None:
    run = make_world(n_cases=200).run(concurrency=200)
    taken: list[int] = []
    in_threads(*[lambda: taken.extend(row.result_id for row in claim(25))] * 8)
    assert len(taken) == len(set(taken)) == 200
    assert leased(run) == 200


def test_a_claim_takes_a_bite_in_the_order_of_the_dataset() -> None:
    run = make_world(n_cases=bite(100) + 10).run(concurrency=100)
    rows = claim(100)
    expected = Result.objects.filter(run=run).order_by("position").values_list("pk", flat=True)[: bite(100)]
    assert sorted(row.result_id for row in rows) == sorted(expected)
    assert len(claim(3)) == 3


def test_runs_share_what_a_pump_can_take_and_the_emptiest_comes_first() -> None:
    world = make_world(n_cases=40)
    big, small = world.run(concurrency=80), world.run(concurrency=80)
    claim(20)
    assert (leased(big), leased(small)) == (10, 10)
    late = world.run(concurrency=80)
    claim(3)
    assert leased(late) == 1
    claim(1)
    assert leased(late) == 2


def test_what_a_run_cannot_use_of_its_share_goes_to_the_others() -> None:
    world = make_world(n_cases=40)
    narrow, wide = world.run(concurrency=2), world.run(concurrency=80)
    claim(10)
    assert (leased(narrow), leased(wide)) == (2, 8)


def test_a_claimed_row_carries_its_case_and_the_run_goes_on() -> None:
    world = make_world(n_cases=1)
    run = world.run()
    assert run.state == "queued"
    [row] = claim()
    run.refresh_from_db()
    assert (run.state, run.started_at is not None) == ("running", True)
    assert (row.inputs, row.expected, row.answered, row.n_leases) == ({"text": "text 0"}, "text 0", False, 1)
    assert row.plan_mark == RunEvaluator.objects.get(run=run).pk


def test_nothing_is_claimed_of_runs_that_rest_are_stopped_or_wait() -> None:
    world = make_world(n_cases=3)
    resting, stopped, waiting = world.run(), world.run(), world.run()
    run_stop(stopped)
    Result.objects.filter(run=waiting).update(not_before=datetime(2999, 1, 1, tzinfo=UTC))
    assert results_claim(owner=uuid.uuid4(), most=10, resting={resting.pk}) == []
    assert {row.run_id for row in claim()} == {resting.pk}


def test_an_expired_lease_is_claimed_again_and_its_call_shows_as_orphaned() -> None:
    world = make_world(n_cases=3)
    run = world.run()
    dead = claim()
    call_id = begin_call(dead[0], world.project.pk)
    assert claim() == []
    expire_leases(run)
    again = claim()
    assert [row.result_id for row in again] == [row.result_id for row in dead]
    assert {row.n_leases for row in again} == {2}
    [call] = calls_of(run)
    assert (call.id, call.state, call.finished_at is not None) == (call_id, "orphaned", True)
    story = result_story(run, result_id=dead[0].result_id)
    assert story is not None
    assert (story.n_attempts, story.result.n_attempts) == (1, 0)


def test_a_pump_does_not_claim_its_own_expired_rows_while_it_works_on_them() -> None:
    run = make_world(n_cases=3).run()
    owner = uuid.uuid4()
    mine = claim(owner=owner)
    expire_leases(run)
    assert claim(owner=owner) == []
    held = leases_renew(owner=owner, held=[row.result_id for row in mine])
    assert held == {row.result_id for row in mine}
    assert claim() == []


def test_leased_rows_beyond_the_concurrency_claim_nothing_more() -> None:
    """As when a worker comes back to life after others took its run's places."""
    run = make_world(n_cases=20).run(concurrency=5)
    owner = uuid.uuid4()
    mine = claim(owner=owner)
    expire_leases(run)
    with transaction.atomic():
        # Somebody else is reading the expired rows, so that the next claimer takes fresh ones.
        list(Result.objects.select_for_update().filter(pk__in=[row.result_id for row in mine]))
        in_threads(lambda: claim(5))
    leases_renew(owner=owner, held=[row.result_id for row in mine])
    assert leased(run) == 10
    assert claim() == []


def test_renewing_tells_which_rows_are_lost() -> None:
    run = make_world(n_cases=2).run()
    owner = uuid.uuid4()
    first, second = claim(owner=owner)
    Result.objects.filter(pk=second.result_id).update(lease_until=datetime(2000, 1, 1, tzinfo=UTC))
    thief = claim()
    assert [row.result_id for row in thief] == [second.result_id]
    held = leases_renew(owner=owner, held=[first.result_id, second.result_id])
    assert held == {first.result_id}
    assert leased(run) == 2


def test_a_row_given_back_is_as_it_was_and_waits_its_time() -> None:
    run = make_world(n_cases=2).run()
    owner = uuid.uuid4()
    now, later = claim(owner=owner)
    results_give_back([GivenBack(now.result_id), GivenBack(later.result_id, wait_s=60)], owner=owner)
    assert states_of(run) == {"pending": 2}
    again = claim()
    assert [(row.result_id, row.n_leases) for row in again] == [(now.result_id, 1)]


def test_only_the_owner_can_give_back() -> None:
    run = make_world(n_cases=1).run()
    [row] = claim()
    results_give_back([GivenBack(row.result_id)], owner=uuid.uuid4())
    assert leased(run) == 1


def test_a_row_whose_worker_died_twice_is_tried_alone_when_the_others_are_done() -> None:
    run = make_world(n_cases=6).run(concurrency=6)
    poison = claim(1)[0].result_id
    expire_leases(run)
    assert poison in {row.result_id for row in claim()}
    expire_leases(run)
    Result.objects.filter(run=run).exclude(pk=poison).update(state="pending", lease_owner=None, n_leases=0)
    others = claim()
    assert len(others) == 5
    assert poison not in {row.result_id for row in others}
    assert claim() == []  # not beside the others
    Result.objects.filter(pk__in=[row.result_id for row in others]).update(
        state="done", lease_owner=None, lease_until=None
    )
    for n_leases, is_given_up in [(3, False), (4, True)]:
        [last] = claim()
        assert (last.result_id, last.n_leases, given_up(last)) == (poison, n_leases, is_given_up)
        expire_leases(run)


def test_one_poisonous_case_costs_no_other_case_its_result() -> None:
    """Ten rows of twenty are in flight at a time, and the worker dies whenever the poison is among them."""
    run = make_world(n_cases=20).run(concurrency=10)
    poison = Result.objects.filter(run=run).order_by("position")[4].pk
    outcome: dict[int, bool] = {}
    deaths = 0
    while len(outcome) < 20:
        rows = claim()
        assert rows, "nothing is left to claim, and not everything is done"
        ended = {row.result_id: given_up(row) for row in rows if given_up(row)}
        if poison in {row.result_id for row in rows} - ended.keys():
            deaths += 1
            expire_leases(run)
        else:
            ended = {row.result_id: given_up(row) for row in rows}
        outcome |= ended
        Result.objects.filter(pk__in=ended).update(state="done", lease_owner=None, lease_until=None)
    assert deaths == 3
    assert [pk for pk, gave_up in outcome.items() if gave_up] == [poison]


# -- rows leased ahead -----------------------------------------------------------------------------


def test_rows_leased_ahead_take_no_place_and_nobody_else_has_them() -> None:
    run = make_world(n_cases=20).run(concurrency=8)
    owner = uuid.uuid4()
    claim(owner=owner), claim(owner=owner)
    [*ahead] = results_claim(owner=owner, most=0, ahead={run.pk: 3})
    assert [row.ahead for row in ahead] == [True] * 3
    assert (leased(run), claim()) == (11, [])
    counts = run_counts(run)
    assert (counts.running, counts.pending) == (8, 12)


def test_places_are_filled_before_rows_are_leased_ahead() -> None:
    run = make_world(n_cases=20).run(concurrency=4)
    rows = sorted(results_claim(owner=uuid.uuid4(), most=10, ahead={run.pk: 2}), key=lambda row: row.result_id)
    assert [row.ahead for row in rows] == [False] * 4 + [True] * 2


def test_nothing_is_leased_ahead_while_the_run_has_places() -> None:
    """Else such rows would wait for calls to end that need not end before them."""
    run = make_world(n_cases=40).run(concurrency=10)
    claim(4)
    assert results_claim(owner=uuid.uuid4(), most=5, ahead={run.pk: 5}) and leased(run) == 9
    assert results_claim(owner=uuid.uuid4(), most=0, ahead={run.pk: 5}) == []


def test_a_full_pump_leases_ahead_also_of_a_run_with_more_places_than_it_can_fill() -> None:
    run = make_world(n_cases=40).run(concurrency=30)
    claim(4)
    rows = results_claim(owner=uuid.uuid4(), most=0, ahead={run.pk: 2}, full=True)
    assert [row.ahead for row in rows] == [True, True]


def test_at_most_an_eighth_of_what_is_left_is_leased_ahead() -> None:
    """So that the last rows of a run are shared between workers."""
    run = make_world(n_cases=20).run(concurrency=1)
    Run.objects.filter(pk=run.pk).update(n_finished=3)
    rows = results_claim(owner=uuid.uuid4(), most=1, ahead={run.pk: 20})
    assert sum(row.ahead for row in rows) == 3


def test_a_run_that_rests_is_not_leased_ahead_of_either() -> None:
    run = make_world(n_cases=5).run(concurrency=1)
    assert results_claim(owner=uuid.uuid4(), most=1, resting={run.pk}, ahead={run.pk: 2}) == []


def test_a_row_leased_ahead_counts_as_any_other_once_its_worker_is_dead() -> None:
    run = make_world(n_cases=9).run(concurrency=1)
    results_claim(owner=uuid.uuid4(), most=1, ahead={run.pk: 2})
    expire_leases(run)
    [again] = claim()
    assert (again.ahead, again.n_leases, leased(run)) == (False, 2, 3)


def test_a_suspect_row_is_not_tried_beside_rows_that_are_leased_ahead() -> None:
    run = make_world(n_cases=2).run(concurrency=5)
    suspect, other = Result.objects.filter(run=run).order_by("position")
    Result.objects.filter(pk=suspect.pk).update(n_leases=SUSPECT_LEASES)
    [row] = claim()
    Result.objects.filter(pk=row.result_id).update(ahead=True)
    assert (row.result_id, claim()) == (other.pk, [])


def test_the_sweep_takes_rows_of_a_stopped_run_out_of_dead_hands() -> None:
    world = make_world(n_cases=3)
    run = world.run()
    rows = claim()
    begin_call(rows[0], world.project.pk)
    run_stop(run)
    assert run.state == "stopping"
    assert runs_sweep() is False
    run.refresh_from_db()
    assert run.state == "stopping"  # somebody may still be working
    expire_leases(run)
    runs_sweep()
    run.refresh_from_db()
    assert (run.state, states_of(run)) == ("stopped", {"pending": 3})
    assert [call.state for call in calls_of(run)] == ["orphaned"]


def test_the_sweep_says_whether_work_waits() -> None:
    world = make_world(n_cases=1)
    assert runs_sweep() is False
    run = world.run()
    assert runs_sweep() is True
    claim()
    assert runs_sweep() is False
    expire_leases(run)
    assert runs_sweep() is True


def test_a_claim_takes_few_statements_however_many_rows(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    _claimable(make_world(n_cases=bite(10)), n_runs=3)
    # Which runs are open; then, for each: savepoint or begin, lock, claim, running, commit.
    with django_assert_max_num_queries(1 + 3 * 5):
        assert len(claim(3 * bite(10))) == 3 * bite(10)


def _claimable(world: World, *, n_runs: int) -> None:
    for _ in range(n_runs):
        world.run(concurrency=100)
