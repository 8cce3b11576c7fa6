"""The platform's own programs, as `llmops up` starts them, over the test's database: started, killed, watched."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import psutil
from django.db import connection

from llmops.cli.parts import Parts, parts_of
from llmops.cli.ports import free_port
from llmops.cli.programs import Program, last_lines, start, wait_until_ready
from llmops.env import environment_values, read_environment

T = TypeVar("T")

LEASE_S = 2
WORKER_PROCESSES = 2


def until(ask: Callable[[], T], *, within_s: float = 60.0, what: str = "it", every_s: float = 0.005) -> T:
    """The first true answer of `ask`; fails the test when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what} is not so within {within_s:g} s; last answer: {answer!r}"
        time.sleep(every_s)
    return answer


@dataclass
class Platform:
    """Worker, beat and web over the test's database and Redis. Whatever was started is killed by `close`."""

    folder: Path
    redis_url: str = ""
    """"" = the one that all tests share."""
    parts: Parts = field(init=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = environment_values(os.environ) | {
            "DATABASE_URL": database_url(),
            "LLMOPS_PORT": str(free_port()),
            "LLMOPS_LEASE_S": str(LEASE_S),
            "LLMOPS_WEB_PROCESSES": "2",
            "LLMOPS_WORKER_PROCESSES": str(WORKER_PROCESSES),
            "LLMOPS_ALLOW_PRIVATE_URLS": "127.0.0.1",
            "LLMOPS_DEBUG": "1",
            **({"REDIS_URL": self.redis_url} if self.redis_url else {}),
        }
        self.parts = parts_of(read_environment(values))
        self.web_url = self.parts.addresses["url"]
        self._variables = {name: value for name, value in values.items() if name.startswith("LLMOPS_")}

    def start(self, name: str, **variables: str) -> None:
        """Start worker, beat or web, with other variables if need be, and wait until it works."""
        since = connection_time()
        program = self._program(name)
        program = replace(program, environment={**program.environment, **variables})
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = self.processes[name] = start(program, output=output.fileno())
        if program.ready is not None:
            wait_until_ready(program, process, log=log)
        if name == "worker" and "beat" in self.processes:
            until(lambda: self._worker_works(since), what=f"the worker\n{last_lines(log)}\n")

    def kill(self, name: str) -> None:
        """SIGKILL for a program and everything that it started, all at once."""
        process = self.processes.pop(name)
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        for pid in family:
            kill_process(pid)
        process.wait(10)

    def stop(self, name: str) -> float:
        """Ask a program to stop, as a deploy does. Returns how many seconds it took; fails when it must be killed."""
        process, asked_at = self.processes.pop(name), time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(self._program(name).grace_s)
        return time.monotonic() - asked_at

    def pool(self) -> list[int]:
        """The processes of the worker that run tasks."""
        return [child.pid for child in psutil.Process(self.processes["worker"].pid).children()]

    def kill_one_of_the_pool(self) -> None:
        kill_process(self.pool()[0])

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def _program(self, name: str) -> Program:
        programs = {program.name: program for program in (self.parts.web, *self.parts.background)}
        program = programs[name]
        return replace(program, environment={**program.environment, **self._variables})

    def _worker_works(self, since: object) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM core_heartbeat WHERE name = 'worker' AND seen_at > %s", [since])
            return cursor.fetchone() is not None


def database_url() -> str:
    """The address of the database that the tests use now."""
    settings = connection.settings_dict
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    place = f"{settings['HOST']}:{settings['PORT'] or 5432}"
    return f"postgres://{settings['USER']}{password}@{place}/{settings['NAME']}?sslmode=disable"


def connection_time() -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def kill_process(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
