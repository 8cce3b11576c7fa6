"""Claiming: no row twice, no run over its concurrency, every run its share."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import connection

from evals_app.services.leases import BITE, results_claim
from tests.evals_app.factories import leased, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(*jobs: Callable[[], None]) -> None:
    """Run these at once, each with a database connection of its own; a failure in one fails the test."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(jobs))

    def work(job: Callable[[], None]) -> None:
        try:
            start.wait(10)
            job()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert not failures, failures


def test_claimers_at_once_never_exceed_the_concurrency() -> None:
    world = make_world(n_cases=60)
    for _ in range(10):
        run = world.run(concurrency=30)
        in_threads(*[lambda: results_claim(owner=uuid.uuid4(), most=25)] * 4)
        assert leased(run) == 30
        run.delete()
