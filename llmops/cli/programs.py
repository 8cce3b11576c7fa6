"""A program that the supervisor starts: what to run, when it is ready, how it is stopped."""

import contextlib
import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmops.cli.logs import readable

_PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """Something is missing on this machine; the message says what to do."""


class ProgramFailed(CannotStart):
    """A program ended or did not get ready; the message ends with the last lines that it wrote."""


@dataclass(frozen=True, slots=True)
class Program:
    """Everything about one child that does not change while it lives."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None  # None = once it has lived for a while
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # added to the supervisor's own
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0  # from the stop signal to SIGKILL
    may_be_killed: bool = True  # at once, when somebody is in a hurry
    phase: int = 0  # the highest is stopped first
    ready_within_s: float = 60.0
    before_exec: Callable[[], None] | None = None  # runs in the child, just before its program
    keep_open: tuple[int, ...] = ()  # file descriptors that the child gets


def start(program: Program, *, output: int) -> subprocess.Popen[bytes]:
    """Start `program` in a session of its own, writing to the file descriptor `output`.

    When the process that called this dies, however it dies, the child gets its stop signal (on Linux).
    """
    return subprocess.Popen(
        program.command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, **program.environment},
        start_new_session=True,
        pass_fds=program.keep_open,
        preexec_fn=_before_exec(program, os.getpid()),
    )


def stop(process: subprocess.Popen[bytes], program: Program) -> None:
    """Ask the program to stop, wait for its grace, then end its whole process group."""
    signal_process(process, program.stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=program.grace_s)
    kill_group(process)


def signal_process(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the program and for what it left behind in its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def running(program: Program, *, log: Path) -> Iterator[None]:
    """Keep `program` running for the length of a block. Raises ProgramFailed when it does not get ready."""
    with log.open("ab") as output:
        process = start(program, output=output.fileno())
    try:
        wait_until_ready(program, process, log=log)
        yield
    finally:
        stop(process, program)


def wait_until_ready(program: Program, process: subprocess.Popen[bytes], *, log: Path) -> None:
    deadline = time.monotonic() + program.ready_within_s
    while program.ready and not program.ready():
        if process.poll() is not None:
            raise ProgramFailed(f"{program.name} ended with code {process.returncode}.\n{last_lines(log)}")
        if time.monotonic() > deadline:
            raise ProgramFailed(
                f"{program.name} was not ready after {program.ready_within_s:.0f} s.\n{last_lines(log)}"
            )
        time.sleep(0.02)


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log file, indented for the console."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            written = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    lines = [part for line in written[-count:] for part in readable(line)]
    return "\n".join(f"    {line}" for line in lines[-count:])


def package_folder(name: str) -> Path | None:
    """Where an installed package lies, without importing it; None when it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def signal_when_parent_dies(number: signal.Signals) -> None:
    """Have the system send this process `number` when its parent is gone. Does nothing outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def _before_exec(program: Program, parent: int) -> Callable[[], None]:
    def prepare() -> None:
        if program.before_exec:
            program.before_exec()
        signal_when_parent_dies(program.stop_signal)  # last: a change of user clears it
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return prepare
