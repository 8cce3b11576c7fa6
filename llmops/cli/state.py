"""What a running platform leaves in LLMOPS_HOME/run: a lock that lives as long as it does, and its state."""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Literal

from llmops.home import addresses_path, write_private


class AlreadyRuns(Exception):
    """Another supervisor holds this LLMOPS_HOME."""


@dataclass(frozen=True, slots=True)
class ChildState:
    name: str
    state: str  # starting | ready | waiting (for its next start)
    restarts: int
    pid: int | None
    born: int | None  # clock ticks since boot: tells a process from a later one with the same pid


@dataclass(frozen=True, slots=True)
class PlatformState:
    state: Literal["starting", "running", "stopping"]
    pid: int
    url: str
    children: list[ChildState] = field(default_factory=list)


@contextlib.contextmanager
def sole_supervisor(home: Path) -> Iterator[None]:
    """Hold the lock of `home`; the system lets go of it however this process ends. Raises AlreadyRuns."""
    path = _lock_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        # A command that looks whether somebody runs holds it for a moment.
        if not wait_until(lambda: _take(lock, fcntl.LOCK_EX), within_s=0.3):
            raise AlreadyRuns
        try:
            yield
        finally:
            _state_path(home).unlink(missing_ok=True)
            addresses_path(home).unlink(missing_ok=True)


def read_state(home: Path) -> PlatformState | None:
    """The state of the platform that runs on `home`, None when none does."""
    return _read(home) if _is_locked(home) else None


def write_state(home: Path, state: PlatformState) -> None:
    write_private(_state_path(home), json.dumps(asdict(state)))


def end_leftovers(home: Path, *, within_s: float = 15.0) -> int:
    """End what a killed supervisor left running; call it with the lock held. Returns how many there were.

    They got their stop signal when it died, so most often this only waits.
    """
    state = _read(home)
    left = [child for child in state.children if _lives(child)] if state else []
    for child in left:
        _signal_group(child, signal.SIGINT if child.name == "postgres" else signal.SIGTERM)
    if not wait_until(lambda: not any(_lives(child) for child in left), within_s):
        for child in filter(_lives, left):
            _signal_group(child, signal.SIGKILL)
    return len(left)


def born(pid: int) -> int | None:
    """When the process was started, in clock ticks since boot; None when it is gone or cannot be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = text.rpartition(")")[2].split()
    return None if state == "Z" else int(rest[18])


def _lives(child: ChildState) -> bool:
    return child.pid is not None and child.born is not None and born(child.pid) == child.born


def _signal_group(child: ChildState, number: signal.Signals) -> None:
    if child.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Postgres tells its own sessions; a signal to them all would look like a crash to it.
            (os.kill if number == signal.SIGINT else os.killpg)(child.pid, number)


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """Whether `condition` came true within that time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _is_locked(home: Path) -> bool:
    try:
        with _lock_path(home).open() as lock:
            return not _take(lock, fcntl.LOCK_SH)
    except OSError:
        return False


def _take(lock: IO[str], how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(home: Path) -> PlatformState | None:
    try:
        stored = json.loads(_state_path(home).read_text(encoding="utf-8"))
        return PlatformState(**{**stored, "children": [ChildState(**child) for child in stored["children"]]})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _state_path(home: Path) -> Path:
    return home / "run" / "state.json"


def _lock_path(home: Path) -> Path:
    return home / "run" / "lock"
