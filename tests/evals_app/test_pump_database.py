"""A pump whose database goes away: for a moment, for long, or in the middle of a visit."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, close_old_connections, connection

from evals_app.services import pump as pump_module
from evals_app.services import sweeping
from llmops.core.services import calls_orphan
from llmops.providers.base import Vendor
from tests.evals_app.factories import (
    calls_of,
    drive,
    drive_async,
    expire_leases,
    make_world,
    scores_of,
    set_price,
    states_of,
)
from tests.jobs.model_server import ModelServer
from tests.postgres import freeze_in_transaction, operator
from tests.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback"), pytest.mark.faults]


@pytest.fixture(autouse=True)
def _one_connection(transactional_db: None) -> None:
    """As a worker has it: other tests' threads leave many connections in the pool."""
    connection.close()
    connection.close_pool()


def break_connections(link: psycopg.Connection[Any]) -> int:
    """End every session of the test database."""
    found = link.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
        [connection.settings_dict["NAME"]],
    )
    return len(found.fetchall())


def test_connections_that_break_again_and_again_lose_and_repeat_nothing() -> None:
    broken = []

    def disturb() -> None:
        with operator() as link:
            for n_calls in (20, 60):
                while len(server.calls) < n_calls and not over.wait(0.002):
                    pass
                broken.append(break_connections(link))

    with ModelServer(delay_s=0.05) as server:
        run = make_world(n_cases=90, base_url=server.url).run(concurrency=10)
        over = threading.Event()
        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            drive()
        finally:
            over.set()
            disturber.join(10)
    close_old_connections()
    run.refresh_from_db()
    assert len(broken) == 2 and all(broken)
    assert (run.state, run.n_finished, states_of(run)) == ("finished", 90, {"done": 90})
    assert set(server.times_asked().values()) == {1}
    assert Counter(call.state for call in calls_of(run)) == {"ok": 90}
    assert len(scores_of(run)) == 90


def test_a_database_that_stays_away_ends_the_pump_and_the_next_one_carries_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pump_module, "DATABASE_PATIENCE_S", 0.5)
    name = connection.ops.quote_name(connection.settings_dict["NAME"])

    async def scenario() -> None:
        driving = asyncio.create_task(drive_async())
        async with asyncio.timeout(20):
            while len(server.calls) < 20:  # noqa: ASYNC110  the server is in another thread
                await asyncio.sleep(0.005)
        link.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        break_connections(link)
        with pytest.raises(OperationalError):
            await asyncio.wait_for(driving, 20)

    with ModelServer(delay_s=0.05) as server:
        run = make_world(n_cases=100, base_url=server.url).run(concurrency=10)
        with operator() as link, monkeypatch.context() as impatient:
            impatient.setattr(connection.pool, "timeout", 1.0)
            try:
                async_to_sync(scenario)()
            finally:
                link.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        close_old_connections()
        asked = len(server.calls)
        assert asked < 100
        expire_leases(run)
        drive()
    run.refresh_from_db()
    assert (run.state, run.n_finished, states_of(run)) == ("finished", 100, {"done": 100})
    repeated = len(server.calls) - 100
    by_state = Counter(call.state for call in calls_of(run))
    assert repeated <= 10
    assert by_state["ok"] == 100
    assert repeated <= by_state["orphaned"] <= 10
    assert by_state.keys() <= {"ok", "orphaned"}


def test_rows_claimed_before_a_lost_connection_are_worked_on_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load, lost = pump_module.run_plan, []

    def run_plan(run_id: int) -> Any:
        if not lost:
            lost.append(run_id)
            raise OperationalError("the connection was lost")
        return load(run_id)

    monkeypatch.setattr(pump_module, "run_plan", run_plan)
    run = make_world(n_cases=5).run()
    drive(for_s=5.0)
    run.refresh_from_db()
    assert (lost, run.state, states_of(run)) == ([run.pk], "finished", {"done": 5})


def test_a_pump_that_was_frozen_in_a_transaction_carries_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Postgres ends a session that lies still in a transaction, and says so with an error of its own kind.

    Claims and harvests are one message each; what a visit tidies up is a transaction of several.
    """
    frozen = []

    def frozen_before(*args: Any, **kwargs: Any) -> Any:
        if not frozen:
            freeze_in_transaction()
            frozen.append(True)
        return calls_orphan(*args, **kwargs)

    monkeypatch.setattr(sweeping, "calls_orphan", frozen_before)
    run = make_world(n_cases=5).run()
    drive(for_s=5.0)
    run.refresh_from_db()
    assert frozen
    assert (run.state, run.n_finished, states_of(run)) == ("finished", 5, {"done": 5})
    assert Counter(call.state for call in calls_of(run)) == {"ok": 5}
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_pumps_that_keep_losing_their_leases_to_each_other_still_do_everything_once() -> None:
    """Two pumps on one run while leases run out again and again: zombies save late, rows are asked for twice, and
    still each result, mark and cent counts once."""
    set_price("echo", "1000", vendor=Vendor.OPENAI_COMPATIBLE)
    with ModelServer(delay_s=0.05) as server:
        run = make_world(n_cases=120, base_url=server.url).run(concurrency=12)
        over = threading.Event()

        def expire() -> None:
            while not over.wait(0.2):
                expire_leases(run)

        def pump() -> None:
            while not over.is_set():
                drive(for_s=5.0)
                run.refresh_from_db()
                if run.state == "finished":
                    over.set()

        in_threads(pump, pump, expire, within_s=60)
    run.refresh_from_db()
    assert (run.state, run.n_finished, states_of(run)) == ("finished", 120, {"done": 120})
    calls = calls_of(run)
    assert len(calls) == len(server.calls) > 120
    assert {call.state for call in calls} == {"ok"}
    assert run.spent_usd == sum(call.cost_usd for call in calls) == Decimal("0.02") * len(calls)
    assert set(Counter(score.result_id for score in scores_of(run)).values()) == {1}
