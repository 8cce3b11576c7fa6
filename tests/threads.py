"""Doing things at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection as database


def in_threads(*jobs: Callable[[], object], within_s: float = 30.0) -> None:
    """Run these at once, each with a database connection of its own; a failure in one fails the test."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(jobs))

    def work(job: Callable[[], object]) -> None:
        try:
            start.wait(20)
            job()
        except BaseException as failure:
            failures.append(failure)
        finally:
            database.close()

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within_s)
        assert not thread.is_alive()
    assert not failures, failures
