"""Runs survive whatever is killed or stopped, with real processes and real HTTP: R1, R2, R9 and R10 of RELIABILITY."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from evals_app.models import Result, Run, Score
from evals_app.tasks import nudge_workers
from tests.evals_app.factories import calls_of, make_world, states_of
from tests.jobs.conftest import FULL, Size
from tests.jobs.model_server import ModelServer
from tests.jobs.processes import LEASE_S, Platform, kill_process, until

pytestmark = [pytest.mark.jobs, pytest.mark.xdist_group("programs")]

_random = random.Random(20)
MOMENTS = [0.4, *(round(_random.uniform(0.02, 0.98), 2) for _ in range(20 if FULL else 0))]


def run_over(server: ModelServer, size: Size) -> Run:
    return make_world(n_cases=size.n_cases, base_url=server.url).run(concurrency=size.concurrency)


def start_and_wait(run: Run, server: ModelServer, share: float) -> None:
    """Tell the worker of the run, and wait until so much of it was asked for; the last calls are in flight then."""
    nudge_workers()
    until(lambda: len(server.calls) > share * run.n_results, what=f"{share:.0%} of the run")


def until_finished(run: Run, *, within_s: float = 60.0) -> None:
    def state() -> bool:
        run.refresh_from_db()
        return run.state == "finished"

    until(state, within_s=within_s, what="the end of the run")


def check_nothing_lost_or_doubled(run: Run, server: ModelServer, *, leases_lost: bool = False) -> int:
    """Every case has its own answer and mark once; every call is in the ledger; repeated ones as orphans.

    A worker that only lost its leases still writes down how its calls ended: then a repeated one is no orphan.
    Returns how many calls were made again.
    """
    assert states_of(run) == {"done": run.n_results}
    assert run.n_finished == run.n_results
    results = Result.objects.filter(run=run).select_related("case_version")
    assert all(result.output == result.case_version.inputs["text"] for result in results)
    assert set(Counter(Score.objects.filter(run=run).values_list("result_id", flat=True)).values()) == {1}
    assert Score.objects.filter(run=run, value=1.0).count() == run.n_results

    calls, text_of = calls_of(run), {result.pk: result.case_version.inputs["text"] for result in results}
    by_state = Counter(call.state for call in calls)
    assert by_state.keys() <= {"ok", "orphaned"}, by_state
    answered = Counter(text_of[call.result_id] for call in calls if call.state == "ok")
    assert set(answered) == set(text_of.values())
    assert leases_lost or set(answered.values()) == {1}
    orphaned = Counter(text_of[call.result_id] for call in calls if call.state == "orphaned")
    asked = server.times_asked()
    assert len({call.pk for call in calls}) == len(calls)
    for text, times in asked.items():
        written = answered[text] + orphaned[text]
        assert times <= written, f"{text}: asked {times} times, {orphaned[text]} orphaned attempts"
    return sum(asked.values()) - run.n_results


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"at {moment:.0%}")
def test_r1_a_killed_worker_loses_nothing_and_repeats_only_what_was_in_flight(
    platform: Platform, size: Size, moment: float
) -> None:
    with ModelServer(delay_s=0.2) as server:
        run = run_over(server, size)
        start_and_wait(run, server, moment)
        platform.kill("worker")
        killed_at = time.monotonic()
        platform.start("worker")
        until_finished(run, within_s=LEASE_S + 15)
        took_s = time.monotonic() - killed_at
    repeated = check_nothing_lost_or_doubled(run, server)
    assert repeated <= size.concurrency
    print(  # noqa: T201  the figures that RELIABILITY asks for; pytest shows them with -s
        f"killed at {moment:.0%}: {repeated} of {run.n_results} calls again, finished {took_s:.1f} s later"
    )


def one_of_the_pool(platform: Platform) -> None:
    platform.kill_one_of_the_pool()


def beat(platform: Platform) -> None:
    platform.kill("beat")
    platform.start("beat")


def web(platform: Platform) -> None:
    platform.kill("web")
    platform.start("web")


@pytest.mark.parametrize("strike", [one_of_the_pool, beat, web])
def test_r2_a_killed_part_loses_nothing_and_repeats_only_what_was_in_flight(
    platform: Platform, size: Size, strike: Callable[[Platform], None]
) -> None:
    with ModelServer(delay_s=0.2) as server:
        run = run_over(server, size)
        start_and_wait(run, server, 0.4)
        struck_at = time.monotonic()
        strike(platform)
        until_finished(run, within_s=LEASE_S + 15 + (time.monotonic() - struck_at))
    repeated = check_nothing_lost_or_doubled(run, server)
    assert repeated <= (size.concurrency if strike is one_of_the_pool else 0)


def test_r9_a_worker_that_is_told_to_stop_ends_its_calls_and_repeats_none(platform: Platform, size: Size) -> None:
    with ModelServer(delay_s=0.2) as server:
        run = run_over(server, size)
        start_and_wait(run, server, 0.4)
        took_s = platform.stop("worker")
        asked = len(server.calls)
        assert states_of(run) == {"done": asked, "pending": run.n_results - asked}
        platform.start("worker")
        until_finished(run)
    assert took_s < 10, took_s
    assert check_nothing_lost_or_doubled(run, server) == 0
    assert {call.state for call in calls_of(run)} == {"ok"}


@pytest.mark.skipif(not FULL, reason="three deaths take their time; the arithmetic is tested without processes")
def test_r10_a_case_that_kills_its_worker_is_given_up_and_the_others_finish(platform: Platform, size: Size) -> None:
    def kill_when_poisoned(text: str) -> str:
        if text == "text 13":
            for pid in platform.pool():
                kill_process(pid)
        return text

    with ModelServer(delay_s=0.1, answer=kill_when_poisoned) as server:
        run = run_over(server, size)
        start_and_wait(run, server, 0.0)
        until_finished(run, within_s=120)
    bad = Result.objects.get(run=run, case_version__inputs__text="text 13")
    assert states_of(run) == {"done": run.n_results - 1, "error": 1}
    assert (bad.state, bad.error_kind, server.times_asked()["text 13"]) == ("error", "gave_up", 3)
