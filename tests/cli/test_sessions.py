"""What becomes of a database session whose program fell silent: others must not wait for it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from llmops.cli.parts import parts_of
from llmops.env import read_environment
from tests.jobs.processes import database_url, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each program says to Postgres when it connects; leases last six seconds."""
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1MB")
    urls = {"DATABASE_URL": database_url(), "REDIS_URL": "redis://127.0.0.1:1/0"}
    parts = parts_of(read_environment({**urls, "LLMOPS_HOME": str(tmp_path), "LLMOPS_LEASE_S": "6"}))
    return {program.name: program.environment.get("PGOPTIONS", "") for program in (parts.web, *parts.background)}


def test_a_worker_that_is_silent_in_a_transaction_lets_go_before_leases_end(options: dict[str, str]) -> None:
    with psycopg.connect(database_url(), options=options["worker"]) as silent, psycopg.connect(database_url()) as other:
        assert silent.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("2s",)
        silent.execute("SELECT pg_advisory_xact_lock(35)")
        silent.execute("SET idle_in_transaction_session_timeout = '50ms'")
        until(lambda: other.execute("SELECT pg_try_advisory_lock(35)").fetchone() == (True,), what="the lock free")
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            silent.execute("SELECT 1")


@pytest.mark.parametrize(("program", "silent"), [("worker", "2s"), ("web", "5min")])
def test_sessions_that_cannot_be_reached_end(options: dict[str, str], program: str, silent: str) -> None:
    with psycopg.connect(database_url(), options=options[program]) as session:
        shown = {
            name: session.execute(f"SHOW {name}").fetchone()
            for name in ("idle_in_transaction_session_timeout", "tcp_keepalives_idle", "tcp_user_timeout", "work_mem")
        }
    assert shown == {
        "idle_in_transaction_session_timeout": (silent,),
        "tcp_keepalives_idle": ("30",),
        "tcp_user_timeout": ("60000",),
        "work_mem": ("1MB",),
    }, "and what the operator says stays"
