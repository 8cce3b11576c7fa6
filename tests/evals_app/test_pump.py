"""The pump: a run from its first claim to its last save, and everything that can come between."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.utils import timezone

from evals_app.models import Result, Run
from evals_app.services import evaluator_create, run_rescore, run_resume, run_stop
from evals_app.services import pump as pump_module
from evals_app.services.ahead import LeasedAhead
from evals_app.services.answering import RowWork
from evals_app.services.leases import MOST_LEASES, bite, results_claim
from evals_app.services.pump import Pump
from llmops.core.services import ConnectionSettings, connection_archive, connection_create
from llmops.providers.base import CallErrorKind, Credential, ModelCallError, Vendor
from llmops.providers.limits import Unlimited
from tests.evals_app.factories import (
    calls_of,
    drive,
    expire_leases,
    make_world,
    scores_of,
    set_price,
    states_of,
)
from tests.jobs.model_server import Call, Fault, ModelServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback")]


@asynccontextmanager
async def pumping(**options: Any) -> AsyncIterator[Pump]:
    """A pump at work while the block acts; waits for its end."""
    limiter, most_in_flight = options.pop("limiter", None) or Unlimited(), options.pop("most_in_flight", None)
    pump = Pump(limiter=limiter, most_in_flight=most_in_flight)
    driving = asyncio.create_task(pump.drive(**{"for_s": 20.0, **options}))
    try:
        yield pump
        await asyncio.wait_for(driving, 30)
    finally:
        driving.cancel()


async def until(ask: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not ask():  # noqa: ASYNC110  what is asked has no event
            await asyncio.sleep(0.005)


def result_of(run: Run, text: str) -> Result:
    return Result.objects.get(run=run, case_version__inputs__text=text)


def test_a_run_is_answered_marked_and_finished() -> None:
    run = make_world(n_cases=60).run(concurrency=20)
    report = drive()
    run.refresh_from_db()
    assert (run.state, run.n_finished, report.n_finished, report.more) == ("finished", 60, 60, False)
    assert states_of(run) == {"done": 60}
    assert [score.value for score in scores_of(run)] == [1.0] * 60
    assert {call.state for call in calls_of(run)} == {"ok"}
    assert len(calls_of(run)) == 60
    assert run.started_at is not None
    assert run.finished_at is not None


def test_the_server_never_sees_more_calls_at_a_time_than_the_run_allows() -> None:
    with ModelServer(delay_s=0.02, hold=lambda call: server.most_in_flight < 7) as server:
        run = make_world(n_cases=40, base_url=server.url).run(concurrency=7)
        drive()
    assert states_of(run) == {"done": 40}
    assert server.most_in_flight == 7


def test_a_pump_fills_its_places_bite_after_bite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting until its next look at all runs is due."""
    monkeypatch.setattr("evals_app.services.pump.CLAIM_EVERY_S", 3_600.0)
    n_places = 4 * bite(20)

    async def scenario() -> None:
        async with pumping():
            await until(lambda: server.most_in_flight == n_places)

    with ModelServer(hold=lambda call: server.most_in_flight < n_places) as server:
        run = make_world(n_cases=n_places, base_url=server.url).run(concurrency=n_places)
        async_to_sync(scenario)()
    assert states_of(run) == {"done": n_places}


def test_a_row_that_ends_leaves_its_place_before_anybody_can_save_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the place is everybody's once that is saved, and a row leased ahead takes it over as well."""
    run_of, vacated_of = RowWork.run, LeasedAhead.vacated
    ended, vacated, in_time = [], [], []

    async def run(work: RowWork) -> float:
        rest_s = await run_of(work)
        ended.append(work)
        asyncio.get_running_loop().call_soon(lambda: in_time.append(len(vacated) == len(ended)))
        return rest_s

    def vacated_now(rows: LeasedAhead, run_id: int) -> RowWork | None:
        vacated.append(run_id)
        return vacated_of(rows, run_id)

    monkeypatch.setattr(RowWork, "run", run)
    monkeypatch.setattr(LeasedAhead, "vacated", vacated_now)
    ten = make_world(n_cases=10).run(concurrency=4)
    drive()
    assert states_of(ten) == {"done": 10}
    assert in_time == [True] * 10


def test_two_pumps_that_lease_ahead_stay_within_what_the_run_allows_and_ask_once() -> None:
    async def scenario() -> None:
        async with pumping(), pumping():
            pass

    with ModelServer(delay_s=0.02) as server:
        run = make_world(n_cases=150, base_url=server.url).run(concurrency=24)
        async_to_sync(scenario)()
    run.refresh_from_db()
    assert (run.state, states_of(run)) == ("finished", {"done": 150})
    assert server.most_in_flight <= 24
    assert set(server.times_asked().values()) == {1}


def test_rows_leased_ahead_wait_until_a_call_ends_and_go_back_when_the_run_is_stopped() -> None:
    stopped = False

    def n_ahead() -> int:
        return Result.objects.filter(run=run, state="running", ahead=True).count()

    async def scenario() -> None:
        nonlocal stopped
        async with pumping():
            await until(lambda: server.in_flight == 12)
            async with asyncio.timeout(20):
                while not await sync_to_async(n_ahead)():  # noqa: ASYNC110  nor has a row
                    await asyncio.sleep(0.005)
            assert server.in_flight == 12
            await sync_to_async(run_stop)(run)
            stopped = True

    with ModelServer(hold=lambda call: not stopped) as server:
        run = make_world(n_cases=40, base_url=server.url).run(concurrency=12)
        async_to_sync(scenario)()
    run.refresh_from_db()
    assert (run.state, states_of(run), len(server.calls)) == ("stopped", {"done": 12, "pending": 28}, 12)
    assert Result.objects.filter(run=run, state="pending", n_leases__gt=0).count() == 0


def note_ends_late(patch: pytest.MonkeyPatch) -> None:
    """Let every pump hear of the end of a row only after it has begun to save that."""
    ended_of, new_visit_of = Pump._ended, Pump._new_visit
    late: list[tuple[Pump, asyncio.Task[None]]] = []

    def ended(pump: Pump, task: asyncio.Task[None]) -> None:
        late.append((pump, task))
        pump._wake.set()

    def new_visit(pump: Pump, *options: Any) -> Any:
        visit = new_visit_of(pump, *options)
        while late:
            ended_of(*late.pop())
        return visit

    patch.setattr(Pump, "_ended", ended)
    patch.setattr(Pump, "_new_visit", new_visit)


@pytest.mark.parametrize("late", [False, True], ids=["", "the last save begins before the pump hears of the last end"])
def test_rows_leased_ahead_go_back_when_the_places_they_wait_for_were_lost(
    settings: Any, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    if late:
        note_ends_late(monkeypatch)
    settings.LEASE_S = 1
    stolen = False

    def steal() -> None:
        in_flight = Result.objects.filter(run=run, state="running", ahead=False)
        in_flight.update(lease_owner=uuid.uuid4(), lease_until=timezone.now() + timedelta(minutes=5))

    async def scenario() -> None:
        nonlocal stolen
        async with pumping() as pump:
            await until(lambda: server.in_flight == 8 and list(pump._ahead))
            await sync_to_async(steal)()
            await until(lambda: pump._lost)
            stolen = True

    with ModelServer(hold=lambda call: not stolen) as server:
        run = make_world(n_cases=30, base_url=server.url).run(concurrency=8)
        async_to_sync(scenario)()
    assert (states_of(run), len(server.calls)) == ({"running": 8, "pending": 22}, 8)
    assert Result.objects.filter(run=run, state="pending", n_leases__gt=0).count() == 0


def test_a_full_pump_leaves_places_to_a_run_that_waits() -> None:
    """Else a run that fills it would keep it to its end, each call followed by one of the same run."""
    released = False
    runs: list[Run] = []

    async def scenario() -> None:
        nonlocal released
        async with pumping(most_in_flight=8) as pump:
            await until(lambda: server.in_flight == 8 and list(pump._ahead))
            runs.append(await sync_to_async(world.run)(concurrency=2))
            await until(lambda: pump._contended and not list(pump._ahead))
            released = True

    with ModelServer(hold=lambda call: not released) as server:
        world = make_world(n_cases=60, base_url=server.url)
        runs.append(world.run(concurrency=8))
        async_to_sync(scenario)()
    first, second = ([*Result.objects.filter(run=run).order_by("finished_at")] for run in runs)
    assert [states_of(run) for run in runs] == [{"done": 60}] * 2
    assert second[1].finished_at < first[20].finished_at, "its first two calls come among the first twenty of the other"


def test_a_call_that_ended_beside_its_successor_is_no_place_less_than_none() -> None:
    """Both count for a moment: a full pump asked the database for less than no rows then, and died of the answer."""
    released = False

    async def scenario() -> None:
        nonlocal released
        async with pumping(most_in_flight=8) as pump:
            await until(lambda: server.in_flight == 8 and list(pump._ahead))
            pump.most_in_flight = 7
            assert pump._new_visit(renew=False, let_begin=frozenset).room == 0
            released = True

    with ModelServer(hold=lambda call: not released) as server:
        make_world(n_cases=60, base_url=server.url).run(concurrency=8)
        async_to_sync(scenario)()


def test_no_call_goes_out_before_the_one_whose_place_it_takes_is_saved() -> None:
    """Else a crash would repeat more calls than the run has places."""
    released = False

    async def scenario() -> None:
        nonlocal released
        async with pumping() as pump:
            await until(lambda: server.in_flight == 8 and list(pump._ahead))
            with nobody_can_change(run) as somebody_waits:
                released = True
                await until(somebody_waits)
                await until(lambda: not server.in_flight)
                assert len(server.calls) == 8

    with ModelServer(hold=lambda call: not released) as server:
        run = make_world(n_cases=30, base_url=server.url).run(concurrency=8)
        async_to_sync(scenario)()
    run.refresh_from_db()
    assert (run.state, states_of(run), set(server.times_asked().values())) == ("finished", {"done": 30}, {1})


@contextmanager
def nobody_can_change(run: Run) -> Iterator[Callable[[], bool]]:
    """Whoever saves or claims results of this run waits for the end of the block. Yields whether somebody does."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "sslmode", "dbname")
    with psycopg.connect(**{name: parameters[name] for name in names if name in parameters}) as link:
        link.execute("SELECT 1 FROM evals_app_run WHERE id = %s FOR UPDATE", [run.pk])
        yield lambda: link.execute("SELECT 1 FROM pg_locks WHERE NOT granted").rowcount > 0


def test_a_case_that_cannot_be_rendered_is_an_error_and_the_others_go_on() -> None:
    world = make_world()
    dataset = world.with_cases(["a", "b"])
    version = world.prompt("echo", text="{{text}} {{other}}")
    dataset_cases = dataset.case_versions.order_by("position")
    dataset_cases.filter(pk=dataset_cases[0].pk).update(inputs={"text": "a", "other": "x"})
    run = world.run(dataset=dataset, version=version)
    drive()
    run.refresh_from_db()
    bad = result_of(run, "b")
    assert (run.state, bad.state, bad.error_kind, bad.n_attempts) == ("finished", "error", "cannot_render", 0)
    assert "other" in bad.reason
    assert result_of(run, "a").state == "done"


# -- stop and resume -------------------------------------------------------------------------------


def test_stop_sends_nothing_more_records_what_is_in_flight_and_resume_asks_only_the_rest() -> None:
    stopped = False

    async def scenario() -> None:
        nonlocal stopped
        async with pumping():
            await until(lambda: len(server.calls) == 10)
            await sync_to_async(run_stop)(run)
            stopped = True
        await sync_to_async(run.refresh_from_db)()

    with ModelServer(hold=lambda call: call.number == 1 and int(call.text[5:]) >= 5 and not stopped) as server:
        run = make_world(n_cases=30, base_url=server.url).run(concurrency=5)
        async_to_sync(scenario)()
        assert (run.state, run.reason) == ("stopped", "Stopped by a person.")
        assert states_of(run) == {"done": 10, "pending": 20}
        assert len(server.calls) == 10
        run_resume(run)
        drive()
        run.refresh_from_db()
        assert (run.state, run.reason, states_of(run)) == ("finished", "", {"done": 30})
        assert set(server.times_asked().values()) == {1}


class SlowLimiter(Unlimited):
    """Grants nothing until it is opened."""

    def __init__(self) -> None:
        self.waiting = 0
        self.open = asyncio.Event()

    async def acquire(self, credential: Credential, *, tokens: int, max_wait_s: float) -> None:
        self.waiting += 1
        await self.open.wait()


def test_stop_holds_for_calls_that_wait_for_the_limiter() -> None:
    async def scenario() -> None:
        limiter = SlowLimiter()
        async with pumping(limiter=limiter):
            await until(lambda: limiter.waiting == 5)
            await sync_to_async(run_stop)(run)
            limiter.open.set()

    run = make_world(n_cases=10).run(concurrency=5)
    async_to_sync(scenario)()
    run.refresh_from_db()
    assert (run.state, states_of(run), calls_of(run)) == ("stopped", {"pending": 10}, [])


def test_stop_holds_for_calls_in_back_off_and_keeps_what_they_took() -> None:
    async def scenario() -> None:
        async with pumping():
            await until(lambda: len(server.calls) == 2)
            await sync_to_async(run_stop)(run)

    with ModelServer(behave=lambda call: Fault.RATE_LIMITED) as server:
        run = make_world(n_cases=4, base_url=server.url).run(concurrency=2)
        async_to_sync(scenario)()
        asked = len(server.calls)
    run.refresh_from_db()
    assert (run.state, asked, states_of(run)) == ("stopped", 2, {"pending": 4})
    assert sorted(Result.objects.filter(run=run).values_list("n_attempts", flat=True)) == [0, 0, 1, 1]


# -- limits ----------------------------------------------------------------------------------------


def test_a_pause_longer_than_a_call_may_wait_is_sat_out_in_the_plan() -> None:
    with ModelServer(behave=lambda call: Fault.RATE_LIMITED if call.number == 1 else None, retry_after="30") as server:
        run = make_world(n_cases=2, base_url=server.url).run()
        drive()
        run.refresh_from_db()
        assert (run.state, states_of(run)) == ("running", {"pending": 2})
        for result in Result.objects.filter(run=run):
            assert result.not_before is not None
            assert timedelta(seconds=25) < result.not_before - timezone.now() <= timedelta(seconds=31)
        _pass_the_pause(run)
        drive()
        run.refresh_from_db()
    assert (run.state, states_of(run)) == ("finished", {"done": 2})
    assert set(Result.objects.filter(run=run).values_list("n_attempts", flat=True)) == {2}


def test_a_vendor_that_asks_for_a_pause_each_time_is_asked_three_times() -> None:
    with ModelServer(behave=lambda call: Fault.RATE_LIMITED, retry_after="30") as server:
        run = make_world(n_cases=1, base_url=server.url).run()
        for _ in range(4):
            drive()
            _pass_the_pause(run)
    [result] = Result.objects.filter(run=run)
    assert (result.state, result.error_kind, result.n_attempts) == ("error", "rate_limited", 3)
    assert len(server.calls) == 3


def _pass_the_pause(run: Run) -> None:
    Result.objects.filter(run=run).update(not_before=None)


class UsedUp(Unlimited):
    """A limiter whose next turn is far away."""

    async def acquire(self, credential: Credential, *, tokens: int, max_wait_s: float) -> None:
        raise ModelCallError(CallErrorKind.WAIT_TOO_LONG, "Used up.", retry_after_s=600.0)


def test_a_run_at_its_limit_is_not_claimed_from_again_and_again() -> None:
    run = make_world(n_cases=200).run(concurrency=10)
    drive(limiter=UsedUp())
    assert states_of(run) == {"pending": 200}
    assert Result.objects.filter(run=run, not_before__isnull=False).count() == bite(10)
    assert Result.objects.filter(run=run, n_leases__gt=0).count() == 0


# -- what models send ------------------------------------------------------------------------------

NASTY = "nul \x00, lone \ud800 and \udfff, \u202e, \uffff, 🏦"


def test_answers_with_what_postgres_cannot_keep_are_kept_as_well_as_it_can() -> None:
    with ModelServer(answer=lambda text: NASTY, model="mo\x00del \ud800") as server:
        run = make_world(n_cases=2, base_url=server.url).run()
        drive()
    run.refresh_from_db()
    assert (run.state, states_of(run)) == ("finished", {"done": 2})
    output = Result.objects.filter(run=run)[0].output
    assert output == "nul \ufffd, lone ? and ?, \u202e, \uffff, 🏦"
    assert {score.state for score in scores_of(run)} == {"scored"}
    assert {call.response_model for call in calls_of(run)} == {"mo\ufffddel ?"}


def test_errors_with_what_postgres_cannot_keep_are_kept_as_well_as_it_can() -> None:
    with ModelServer(behave=lambda call: Fault.BROKEN, says=NASTY) as server:
        run = make_world(n_cases=1, base_url=server.url).run()
        drive()
    [result] = Result.objects.filter(run=run)
    assert (result.state, result.error_kind, len(calls_of(run))) == ("error", "vendor_down", 3)


def test_answers_of_200_kb_are_kept_whole() -> None:
    with ModelServer(answer=lambda text: text + "x" * 200_000) as server:
        run = make_world(n_cases=30, base_url=server.url).run(concurrency=30)
        drive()
    assert states_of(run) == {"done": 30}
    assert {len(output) for output in Result.objects.filter(run=run).values_list("output", flat=True)} <= {
        200_006,
        200_007,
    }


def test_absurd_token_counts_do_not_take_other_results_down() -> None:
    with ModelServer(tokens=lambda text: 10**15 if text == "text 3" else 10) as server:
        run = make_world(n_cases=8, base_url=server.url).run()
        drive()
    assert states_of(run) == {"done": 8}
    assert result_of(run, "text 3").input_tokens == 2**31 - 1


def test_one_result_that_cannot_be_stored_does_not_take_others_down() -> None:
    """Its cost has more digits than any bill."""
    set_price("echo", "90000000", vendor=Vendor.OPENAI_COMPATIBLE)
    with ModelServer(tokens=lambda text: 10**15 if text == "text 3" else 1) as server:
        run = make_world(n_cases=8, base_url=server.url).run()
        drive()
    run.refresh_from_db()
    assert (run.state, states_of(run)) == ("finished", {"done": 7, "error": 1})
    bad = result_of(run, "text 3")
    assert (bad.error_kind, bad.n_attempts, len(server.calls)) == ("not_storable", 0, 8)
    assert {call.state for call in calls_of(run)} == {"ok"}


# -- dead workers ----------------------------------------------------------------------------------


def test_a_result_whose_worker_died_each_time_is_given_up() -> None:
    run = make_world(n_cases=3).run()
    poison = result_of(run, "text 1")
    Result.objects.filter(pk=poison.pk).update(n_leases=MOST_LEASES)
    drive()
    run.refresh_from_db()
    poison.refresh_from_db()
    assert (run.state, states_of(run)) == ("finished", {"done": 2, "error": 1})
    assert (poison.error_kind, calls_of(run)[0].result_id != poison.pk) == ("gave_up", True)
    assert "died each time" in poison.reason
    assert len(calls_of(run)) == 2


def test_a_saved_answer_is_only_marked_after_a_crash() -> None:
    run = make_world(n_cases=3).run()
    results_claim(owner=uuid.uuid4(), most=3)
    Result.objects.filter(run=run).update(answered_at=timezone.now(), output="text 0", n_attempts=1)
    expire_leases(run)
    drive()
    assert calls_of(run) == []
    assert [score.value for score in scores_of(run)] == [1.0, 0.0, 0.0]
    assert set(Result.objects.filter(run=run).values_list("state", "n_attempts")) == {("done", 1)}


def test_a_pump_that_lost_a_row_asks_nobody_else_about_it(settings: Any) -> None:
    settings.LEASE_S = 1
    stolen = False
    with ModelServer(hold=lambda call: not stolen) as server:
        world = make_world(n_cases=1, base_url=server.url)
        run = world.run(evaluators=[world.judge("judge-model")])

        async def scenario() -> None:
            nonlocal stolen
            async with pumping() as pump:
                await until(lambda: server.calls)
                await sync_to_async(_steal)(run)
                await until(lambda: pump._lost)
                stolen = True

        async_to_sync(scenario)()
    [result] = Result.objects.filter(run=run)
    assert (result.state, result.answered_at) == ("running", None)
    assert len(server.calls) == 1
    assert scores_of(run) == []


def _steal(run: Run) -> None:
    expire_leases(run)
    assert len(results_claim(owner=uuid.uuid4(), most=1)) == 1


# -- plans -----------------------------------------------------------------------------------------


def test_a_run_whose_connection_was_removed_fails_with_a_reason_and_keeps_its_plan() -> None:
    world = make_world(n_cases=3)
    second = connection_create(project=world.project, wanted=ConnectionSettings(name="second", vendor=Vendor.PRACTICE))
    run, other = world.run(), world.run(version=world.prompt("echo", connection=second))
    connection_archive(world.connection)
    drive()
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.state, states_of(run), calls_of(run)) == ("failed", {"pending": 3}, [])
    assert "“models” was removed" in run.reason
    assert (other.state, states_of(other)) == ("finished", {"done": 3})
    world.connection.archived_at = None
    world.connection.save(update_fields=["archived_at"])
    run_resume(run)
    drive()
    run.refresh_from_db()
    assert (run.state, states_of(run)) == ("finished", {"done": 3})


def test_a_connection_removed_under_way_is_not_called_any_more() -> None:
    removed = False

    async def scenario() -> None:
        nonlocal removed
        async with pumping():
            await until(lambda: len(server.calls) == 4)
            await sync_to_async(connection_archive)(world.connection)
            removed = True

    with ModelServer(hold=lambda call: not removed) as server:
        world = make_world(n_cases=20, base_url=server.url)
        run = world.run(concurrency=4)
        async_to_sync(scenario)()
    run.refresh_from_db()
    assert (run.state, states_of(run), len(server.calls)) == ("failed", {"done": 4, "pending": 16}, 4)
    assert "“models” was removed" in run.reason


def test_a_run_whose_key_is_lost_fails_and_one_whose_judge_has_lost_it_goes_on(settings: Any) -> None:
    world = make_world(n_cases=2)
    wanted = ConnectionSettings(name="keyed", vendor=Vendor.OPENAI, api_key="sk-1")
    keyed = connection_create(project=world.project, wanted=wanted)
    run = world.run(version=world.prompt("gpt", connection=keyed))
    judged = world.run(evaluators=[world.exact, world.judge("gpt", connection=keyed)])
    settings.FIELD_KEYS = ["A" * 43 + "="]
    drive()
    run.refresh_from_db()
    judged.refresh_from_db()
    assert run.state == "failed"
    assert "“keyed” cannot be read" in run.reason
    assert (judged.state, states_of(judged)) == ("finished", {"done": 2})
    assert [score.state for score in scores_of(judged)] == ["scored", "unscored"] * 2
    assert "“keyed” cannot be read" in scores_of(judged)[1].reason


def test_a_plan_that_cannot_be_loaded_fails_its_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(n_cases=2)
    bad, good = world.run(), world.run()
    load = pump_module.run_plan

    def run_plan(run_id: int) -> Any:
        if run_id == bad.pk:
            raise ZeroDivisionError
        return load(run_id)

    monkeypatch.setattr(pump_module, "run_plan", run_plan)
    drive()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, good.state) == ("failed", "finished")
    assert "log" in bad.reason


def test_a_project_deleted_under_way_does_not_disturb_other_runs() -> None:
    with ModelServer(hold=lambda call: call.text == "text 0" and not gone) as server:
        gone = False
        doomed, world = make_world(n_cases=1, base_url=server.url), make_world(n_cases=5)
        doomed.run()
        run = world.run()

        async def scenario() -> None:
            nonlocal gone
            async with pumping():
                await until(lambda: server.calls)
                await sync_to_async(Run.objects.filter(project=doomed.project).delete)()
                gone = True

        async_to_sync(scenario)()
    run.refresh_from_db()
    assert (run.state, states_of(run)) == ("finished", {"done": 5})


# -- marking again ---------------------------------------------------------------------------------


def test_rescoring_asks_for_no_answer_and_marks_with_what_is_new() -> None:
    world = make_world(n_cases=4)
    run = world.run()
    drive()
    contains = evaluator_create(project=world.project, name="Contains", kind="contains", config={})
    run_rescore(run, evaluators=[world.exact, contains])
    assert run.state == "queued"
    drive()
    run.refresh_from_db()
    assert (run.state, run.n_finished, states_of(run)) == ("finished", 4, {"done": 4})
    assert len(scores_of(run)) == 8
    assert len(calls_of(run)) == 4


def test_a_pump_that_knows_a_run_marks_it_again_with_its_new_metrics() -> None:
    """The pump is kept alive by another run while the first one is finished and then marked again."""
    again = False
    with ModelServer(hold=lambda call: not again) as server:
        slow = make_world(n_cases=1, base_url=server.url)
        slow.run()
        world = make_world(n_cases=3)
        run = world.run()
        contains = evaluator_create(project=world.project, name="Contains", kind="contains", config={})

        async def scenario() -> None:
            nonlocal again
            async with pumping():
                await until_state(run, "finished")
                await sync_to_async(run_rescore)(run, evaluators=[contains])
                await until_state(run, "finished")
                again = True

        async_to_sync(scenario)()
    assert {score.evaluator_version_id for score in scores_of(run)} == {world.exact.pk, contains.pk}
    assert len(scores_of(run)) == 6


async def until_state(run: Run, state: str) -> None:
    async with asyncio.timeout(20):
        while run.state != state:
            await asyncio.sleep(0.01)
            await sync_to_async(run.refresh_from_db)()


def test_a_judge_that_answered_is_not_asked_again_because_another_must_wait() -> None:
    def behave(call: Call) -> Fault | None:
        return Fault.RATE_LIMITED if "Second" in call.text and call.number == 1 else None

    with ModelServer(behave=behave, retry_after="30", answer=lambda text: "Grade: yes") as server:
        world = make_world(n_cases=1)
        wanted = ConnectionSettings(name="judges", vendor=Vendor.OPENAI_COMPATIBLE, base_url=server.url)
        judges = connection_create(project=world.project, wanted=wanted)
        first, second = (
            evaluator_create(
                project=world.project,
                name=name,
                kind="rubric",
                config={"question": f"{name}?", "scale": "yes_no"},
                connection=judges,
                model="judge",
            )
            for name in ("First", "Second")
        )
        run = world.run(evaluators=[first, second])
        drive()
        assert [score.evaluator_version_id for score in scores_of(run)] == [first.pk]
        assert states_of(run) == {"pending": 1}
        _pass_the_pause(run)
        drive()
    asked = [("First" in call.text, "Second" in call.text) for call in server.calls]
    assert asked == [(True, False), (False, True), (False, True)]
    assert [score.state for score in scores_of(run)] == ["scored", "scored"]
    assert states_of(run) == {"done": 1}
    assert [call.purpose for call in calls_of(run)] == ["run", "judge", "judge", "judge"]


def test_a_judge_that_fails_or_babbles_leaves_a_reason_and_no_grade() -> None:
    world = make_world(n_cases=1)
    babbles, fails = world.judge("fixed:Who knows?"), world.judge("no such model")
    run = world.run(evaluators=[babbles, fails, world.exact])
    drive()
    scores = {score.evaluator_version_id: score for score in scores_of(run)}
    assert (scores[babbles.pk].state, scores[babbles.pk].value) == ("unscored", None)
    assert (scores[fails.pk].state, scores[fails.pk].value) == ("error", None)
    assert scores[fails.pk].reason.startswith("The judge could not be asked: ")
    assert scores[world.exact.pk].value == 1.0
    assert states_of(run) == {"done": 1}


def test_kinds_that_are_marked_aside_mark_all_the_same() -> None:
    world = make_world(n_cases=30)
    made = [
        evaluator_create(project=world.project, name=kind, kind=kind, config=config)
        for kind, config in (("regex", {"pattern": "text [0-9]$"}), ("json_schema", {"schema": {"type": "object"}}))
    ]
    run = world.run(evaluators=made, concurrency=30)
    drive()
    matches, fits = ([score for score in scores_of(run) if score.evaluator_version_id == each.pk] for each in made)
    assert [len(matches), len(fits)] == [30, 30]
    assert sum(score.value for score in matches) == 10
    assert {score.value for score in fits} == {0.0}


# -- time ------------------------------------------------------------------------------------------


def test_one_slow_call_does_not_keep_a_pump_from_claiming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "DRAIN_S", 0.1)
    with ModelServer(delay_s=0.02, hold=lambda call: call.text == "text 0" and len(server.calls) < 60) as server:
        run = make_world(n_cases=60, base_url=server.url).run(concurrency=2)

        async def scenario() -> None:
            async with pumping(for_s=1.0, at_most_s=20.0) as pump:
                pass
            assert pump.report.more

        async_to_sync(scenario)()
    assert states_of(run) == {"done": 60}


def test_a_pump_whose_time_is_over_claims_nothing_more_and_ends_with_its_calls() -> None:
    with ModelServer(delay_s=0.1) as server:
        run = make_world(n_cases=60, base_url=server.url).run(concurrency=3)
        report = drive(for_s=0.25)
        assert report.more
        assert 3 <= report.n_finished <= 15
        assert states_of(run) == {"done": report.n_finished, "pending": 60 - report.n_finished}
        assert len(server.calls) == report.n_finished
