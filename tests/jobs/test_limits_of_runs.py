"""Runs keep to what they promise when vendors fail, money runs out or a person says stop: R5, R6 and R7."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest

from evals_app.models import Result, Run
from evals_app.services import evaluator_create, run_resume, run_stop
from evals_app.tasks import nudge_workers
from llmops.core.models import Connection
from llmops.providers.base import Vendor
from llmops.texts import dollars
from tests.evals_app.factories import calls_of, make_world, scores_of, set_price, states_of
from tests.jobs.conftest import Size
from tests.jobs.model_server import Call, Fault, ModelServer
from tests.jobs.processes import Platform, until

pytestmark = [pytest.mark.jobs, pytest.mark.xdist_group("programs")]

STOP_TAKES_S = 2.0


@pytest.fixture(scope="module", autouse=True)
def _leases_that_hold(programs: Platform) -> Iterator[None]:
    """No worker dies here; on a busy machine the short lease of the others could run out under one that lives."""
    if "worker" in programs.processes:
        programs.kill("worker")
    programs.start("worker", LLMOPS_LEASE_S="30")
    yield
    programs.kill("worker")


def until_state(run: Run, state: str, *, within_s: float = 60.0) -> None:
    def ask() -> bool:
        run.refresh_from_db()
        return run.state == state

    until(ask, within_s=within_s, what=f"the run, which should be {state},")


# -- R5 --------------------------------------------------------------------------------------------


def one_in_five_goes_wrong(call: Call) -> Fault | None:
    """The same faults each time: decided by the text and how often it was asked."""
    dice = hashlib.sha256(f"{call.text} {call.number}".encode()).digest()
    return list(Fault)[dice[1] % len(Fault)] if dice[0] < 256 // 5 else None


def test_r5_every_case_has_a_result_or_a_typed_error_and_the_ledger_every_call(platform: Platform, size: Size) -> None:
    with ModelServer(delay_s=0.05, behave=one_in_five_goes_wrong, retry_after="0.3") as server:
        world = make_world(n_cases=size.n_cases, base_url=server.url)
        Connection.objects.filter(pk=world.connection.pk).update(
            timeout_s=2
        )  # time for a busy machine to take a call in
        run = world.run(concurrency=size.concurrency)
        nudge_workers()
        until_state(run, "finished", within_s=120)
    results = list(Result.objects.filter(run=run).select_related("case_version"))
    done = [result for result in results if result.state == "done"]
    failed = [result for result in results if result.state == "error"]
    assert len(done) + len(failed) == run.n_results == run.n_finished
    assert len(done) > 0.97 * run.n_results  # three attempts fail together once in 125 times
    assert all(result.output == result.case_version.inputs["text"] for result in done)
    assert {result.error_kind for result in failed} <= {
        *("rate_limited", "vendor_down", "timed_out", "bad_answer"),
    }
    assert all(result.reason for result in failed)
    assert {result.n_attempts for result in results} <= {1, 2, 3}

    asked = server.times_asked()
    written = Counter(call.result_id for call in calls_of(run))
    for result in results:
        assert asked[result.case_version.inputs["text"]] == written[result.pk] == result.n_attempts
    assert sum(written.values()) == len(server.calls)
    kinds = {call.error_kind for call in calls_of(run)}
    assert kinds >= {"", "rate_limited", "vendor_down", "timed_out", "bad_answer"}
    assert {call.state for call in calls_of(run)} == {"ok", "error"}


# -- R6 --------------------------------------------------------------------------------------------


def test_r6_a_budget_is_overspent_by_no_more_than_what_is_in_flight(platform: Platform, size: Size) -> None:
    """Two cents a call, for answers and for a judge; two workers share the run."""
    a_call, budget = Decimal("0.02"), Decimal("0.02") * size.n_cases / 2
    for model in ("echo", "judge"):
        set_price(model, "1000", vendor=Vendor.OPENAI_COMPATIBLE)
    with ModelServer(delay_s=0.05, answer=lambda text: "Grade: yes") as server:
        world = make_world(n_cases=size.n_cases, base_url=server.url)
        judge = evaluator_create(
            project=world.project,
            name="Judge",
            kind="rubric",
            config={"question": "Good?", "scale": "yes_no"},
            connection=world.connection,
            model="judge",
        )
        run = world.run(evaluators=[judge], concurrency=size.concurrency, budget_usd=budget)
        nudge_workers()
        until_state(run, "stopped")
        spent = a_call * len(server.calls)
        assert budget <= spent <= budget + size.concurrency * a_call
        assert run.spent_usd == spent
        assert run.reason == f"Stopped at its budget of {dollars(budget)}. Raise the budget to go on."
        assert set(states_of(run)) == {"done", "pending"}

        run_resume(run, budget_usd=budget * 10)
        nudge_workers()
        until_state(run, "finished")
    assert (states_of(run), run.reason) == ({"done": run.n_results}, "")
    assert len(server.calls) == len(calls_of(run)) == 2 * run.n_results
    assert run.spent_usd == a_call * len(server.calls)
    assert len(scores_of(run)) == run.n_results


# -- R7 --------------------------------------------------------------------------------------------


def test_r7_after_stop_nothing_more_is_sent_and_resume_keeps_everything(platform: Platform, size: Size) -> None:
    with ModelServer(delay_s=0.4) as server:
        run = make_world(n_cases=size.n_cases, base_url=server.url).run(concurrency=size.concurrency)
        nudge_workers()
        until(lambda: len(server.calls) > 2 * size.concurrency, what="the run under way")
        run_stop(run)
        stopped_at = time.monotonic()
        until_state(run, "stopped", within_s=15)
        late = [call.at - stopped_at for call in server.calls if call.at > stopped_at]
        assert max(late, default=0.0) <= STOP_TAKES_S
        in_time = len(server.calls)
        assert states_of(run) == {"done": in_time, "pending": run.n_results - in_time}
        assert Counter(call.state for call in calls_of(run)) == {"ok": in_time}

        run_resume(run)
        nudge_workers()
        until_state(run, "finished")
    assert states_of(run) == {"done": run.n_results}
    assert set(server.times_asked().values()) == {1}
