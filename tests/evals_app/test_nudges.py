"""Telling workers of new work while Redis is away: whoever starts a run does not wait for it (R3)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError as BrokerDown

from evals_app.tasks import drive_runs
from llmops.celery import app


@pytest.fixture
def away() -> Iterator[Connection]:
    """A connection as web processes make it, to a port at which nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with app.connection_for_write(url=f"redis://127.0.0.1:{nobody.getsockname()[1]}/0") as connection:
            yield connection


def test_a_nudge_is_given_up_at_once_when_redis_is_away(away: Connection) -> None:
    began_at = time.monotonic()
    with pytest.raises(BrokerDown):
        drive_runs.apply_async(connection=away)
    assert time.monotonic() - began_at < 1.0
