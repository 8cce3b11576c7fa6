"""Starts programs, keeps them running and stops them. One thread, no Django: it idles at a few megabytes."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from llmops.cli.logs import RotatingLog
from llmops.cli.programs import Program, ProgramFailed, kill_group, last_lines, signal_process, start

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
_HEALTHY_AFTER_S = 30.0  # a child that lived that long starts again without a longer delay
_SETTLED_AFTER_S = 5.0  # without a way to ask, a child is ready once it lived that long
_POLL_S = 0.03  # while something is not ready


class StopRequested(Exception):
    """Somebody asked to stop before everything was up."""


class Child:
    """One program with its log and, while it runs, its process."""

    def __init__(self, program: Program, log: RotatingLog) -> None:
        self.program = program
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.is_ready = False
        self.started_at = 0.0  # monotonic clock, like restart_at
        self.restart_at: float | None = None
        self.failures = 0  # in a row
        self.restarts = 0

    @property
    def state(self) -> str:
        if self.process is None:
            return "waiting"
        return "ready" if self.is_ready else "starting"


class Supervisor:
    """A context: signals are caught inside it, and no child is left after it.

    `say` gets one line for people; `changed` is called whenever a child's state changes.
    """

    def __init__(self, *, logs: Path, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.children: list[Child] = []
        self._logs = logs
        self._say = say
        self._changed = changed
        self._stop_requests = 0
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._handlers = {number: signal.signal(number, self._note_stop) for number in _STOP_SIGNALS}
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        try:
            self.stop()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def run(self, program: Program) -> None:
        """Run `program` to its end. Raises ProgramFailed when it fails, StopRequested."""
        child = self._new_child(program)
        try:
            while child.process is not None and child.process.poll() is None:
                self._turn(None)
                self._check_stop()
            code = self._bury(child)
        finally:
            self._remove(child)
        if code != 0:
            raise self._failure(child, code)

    def start(self, *programs: Program, wait: bool = True) -> None:
        """Start programs together. With `wait`, until all are ready; raises ProgramFailed, StopRequested."""
        children = [self._new_child(program) for program in programs]
        deadline = time.monotonic() + max((program.ready_within_s for program in programs), default=0.0)
        while wait and not all(self._ask_ready(child) for child in children):
            self._turn(_POLL_S)
            self._check_stop()
            for child in children:
                if child.process is None or child.process.poll() is not None:
                    raise self._failure(child, self._bury(child))
            if time.monotonic() > deadline:
                slow = next(child for child in children if not child.is_ready)
                raise ProgramFailed(
                    f"{slow.program.name} was not ready after {slow.program.ready_within_s:.0f} s.\n"
                    + last_lines(slow.log.path)
                )

    def watch(self) -> None:
        """Keep every child running until a stop signal comes."""
        while not self._stop_requests:
            now = time.monotonic()
            for child in self.children:
                if child.process is None and child.restart_at is not None and child.restart_at <= now:
                    self._spawn_again(child)
            waiting = [child for child in self.children if child.process and not self._ask_ready(child)]
            self._turn(self._patience(now, poll=bool(waiting)))
            for child in self.children:
                if child.process is not None and child.process.poll() is not None:
                    self._schedule(child, _how(self._bury(child)))

    def stop(self) -> None:
        """Stop all children, the last phase first; a second stop signal, or SIGQUIT, stops the waiting."""
        for phase in sorted({child.program.phase for child in self.children}, reverse=True):
            self._stop_together([child for child in self.children if child.program.phase == phase])
        for child in list(self.children):
            self._remove(child)

    def _stop_together(self, children: list[Child]) -> None:
        asked_at = time.monotonic()
        for child in children:
            if child.process is not None:
                signal_process(child.process, child.program.stop_signal)
        while left := [child for child in children if child.process and child.process.poll() is None]:
            for child in left:
                hurry = self._stop_requests > 1 and child.program.may_be_killed
                if child.process and time.monotonic() - asked_at > (0 if hurry else child.program.grace_s):
                    self._say(f"{child.program.name} did not stop in time and is killed.")
                    kill_group(child.process)
            self._turn(0.2)
        for child in children:
            if child.process is not None:
                self._bury(child)

    def _new_child(self, program: Program) -> Child:
        child = Child(program, RotatingLog(self._logs / f"{program.name}.log"))
        self.children.append(child)
        self._spawn(child)
        return child

    def _spawn(self, child: Child) -> None:
        read, write = os.pipe()
        try:
            child.process = start(child.program, output=write)
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        os.set_blocking(read, False)
        self._selector.register(read, selectors.EVENT_READ, child)
        child.started_at, child.restart_at, child.is_ready = time.monotonic(), None, False
        self._changed()

    def _spawn_again(self, child: Child) -> None:
        try:
            self._spawn(child)
        except (OSError, subprocess.SubprocessError) as refused:  # no memory or no file left: for a while
            reason = getattr(refused, "strerror", None) or refused
            self._schedule(child, f"could not be started ({reason})")

    def _bury(self, child: Child) -> int:
        """Note the end of a child: end what it left behind, read the rest of its output."""
        if child.process is None:
            return 0
        kill_group(child.process)
        code = child.process.returncode
        child.process, child.is_ready = None, False
        self._turn(0)
        self._changed()
        return code

    def _remove(self, child: Child) -> None:
        if child.process is not None:
            kill_group(child.process)
        for key in [key for key in self._selector.get_map().values() if key.data is child]:
            child.log.write(_read(key.fd))
            self._forget(key)
        child.log.close()
        self.children.remove(child)

    def _schedule(self, child: Child, what: str) -> None:
        now = time.monotonic()
        child.failures = 1 if now - child.started_at > _HEALTHY_AFTER_S else child.failures + 1
        delay = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (child.failures - 1))
        child.restart_at, child.restarts = now + delay, child.restarts + 1
        self._say(f"{child.program.name} {what}; it is started again in {delay:g} s.")
        if child.failures == 3:
            self._say(f"Its last lines, from {child.log.path}:\n{last_lines(child.log.path)}")
        self._changed()

    def _ask_ready(self, child: Child) -> bool:
        if not child.is_ready and child.process is not None and _looks_ready(child):
            child.is_ready = True
            if child.restarts:
                self._say(f"{child.program.name} runs again.")
            self._changed()
        return child.is_ready

    def _patience(self, now: float, *, poll: bool) -> float | None:
        """How long nothing has to be done: None = until a signal or output comes."""
        restarts = [child.restart_at - now for child in self.children if child.restart_at is not None]
        moments = [*restarts, *([_POLL_S] if poll else [])]
        return max(0.0, min(moments)) if moments else None

    def _turn(self, timeout: float | None) -> None:
        """Wait for a signal or output, and put output into its log."""
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                os.read(self._wake_read, 4096)
            elif piece := _read(key.fd):
                key.data.log.write(piece)
            else:
                self._forget(key)

    def _forget(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fd)
        os.close(key.fd)

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requests += 2 if number == signal.SIGQUIT else 1

    def _check_stop(self) -> None:
        if self._stop_requests:
            raise StopRequested

    def _failure(self, child: Child, code: int) -> ProgramFailed:
        lines = last_lines(child.log.path)
        return ProgramFailed(f"{child.program.name} {_how(code)}. Its last lines ({child.log.path}):\n{lines}")


def _looks_ready(child: Child) -> bool:
    if child.program.ready is None:
        return time.monotonic() - child.started_at > _SETTLED_AFTER_S
    return child.program.ready()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except BlockingIOError:
        return b""


def _how(code: int) -> str:
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return "ended" if code == 0 else f"failed (code {code})"
