"""One worker and one beat for all tests here; a test that kills them starts them again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as FlushCommand
from django.db import OperationalError
from pytest_django import DjangoDbBlocker

from tests.jobs.processes import Platform

FULL = os.environ.get("TEST_FAULTS") == "full"


@dataclass(frozen=True)
class Size:
    """How big a test is: `make test` runs the short form, `TEST_FAULTS=full` the one that RELIABILITY asks for."""

    n_cases: int
    concurrency: int


@pytest.fixture(scope="session")
def size() -> Size:
    return Size(1_000, 50) if FULL else Size(200, 25)


@pytest.fixture(scope="package")
def programs(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Platform]:
    """Not for the session: a worker that lives on would do the work of other tests' runs."""
    with django_db_blocker.unblock():
        platform = Platform(tmp_path_factory.mktemp("programs"))
        yield platform
        platform.close()


@pytest.fixture(scope="package", autouse=True)
def _patient_flush() -> Iterator[None]:
    """The tables are emptied beside programs that still visit them, so it may be the flush that a deadlock ends."""
    empty = FlushCommand.handle

    def empty_patiently(self: FlushCommand, **options: Any) -> None:
        for _ in range(9):
            try:
                return empty(self, **options)
            except CommandError as failed:
                if not isinstance(failed.__cause__, OperationalError):
                    raise
        return empty(self, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FlushCommand, "handle", empty_patiently)
        yield


@pytest.fixture
def platform(programs: Platform, transactional_db: None, loopback: None) -> Platform:
    """Beat, worker and web at work."""
    for name in ("beat", "worker", "web"):
        if name not in programs.processes:
            programs.start(name)
    return programs
