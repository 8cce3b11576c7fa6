"""The supervisor with small real programs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops.cli.programs import Program, ProgramFailed
from llmops.cli.supervisor import StopRequested, Supervisor
from tests.cli.waiting import lives, until

_SLEEP = "import signal\nwhile True: signal.pause()"


class Stage:
    """A supervisor: what it said is kept; `act` is called when something changed, `answer` when it spoke."""

    def __init__(self, logs: Path) -> None:
        self.said: list[str] = []
        self.act: Callable[[], None] = lambda: None
        self.logs = logs
        self.answer: Callable[[], None] = lambda: None
        self.supervisor = Supervisor(logs=logs, say=self._hear, changed=lambda: self.act())

    def _hear(self, line: str) -> None:
        self.said.append(line)
        self.answer()

    def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "logs")


def _program(name: str, code: str, **more: Any) -> Program:
    return Program(name=name, command=(sys.executable, "-S", "-c", code), **{"ready": lambda: True, **more})


def test_killed_child_comes_back(stage: Stage) -> None:
    pids: list[int] = []

    def act() -> None:
        (child,) = stage.supervisor.children
        if child.process and child.is_ready and child.process.pid not in pids:
            pids.append(child.process.pid)
            if len(pids) == 1:
                child.process.kill()
            else:
                stage.stop()

    with stage.supervisor as supervisor:
        supervisor.start(_program("sleeper", _SLEEP))
        stage.act = act
        act()
        supervisor.watch()

    assert stage.said == [
        "sleeper was killed (SIGKILL); it is started again in 0.5 s.",
        "sleeper runs again.",
    ]
    assert len(pids) == 2
    assert not any(lives(pid) for pid in pids)


def test_delay_grows_and_the_third_time_shows_the_log(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops.cli.supervisor._FIRST_DELAY_S", 0.01)

    def act() -> None:
        if len(stage.said) >= 4:
            stage.stop()

    with stage.supervisor as supervisor:
        stage.act = act
        supervisor.start(_program("broken", "raise SystemExit('no such table')", ready=lambda: False), wait=False)
        supervisor.watch()

    delays = [line.rpartition(" in ")[2] for line in stage.said if "started again" in line]
    assert delays[:3] == ["0.01 s.", "0.02 s.", "0.04 s."]
    assert "no such table" in stage.said[3]


def test_child_that_cannot_be_started_again_for_a_while(stage: Stage, tmp_path: Path) -> None:
    program = tmp_path / "program"

    def write_program(code: str) -> None:
        program.write_text(f"#!/bin/sh\n{code}\n")
        program.chmod(0o755)

    def answer() -> None:
        if len(stage.said) == 1:
            program.unlink()
        elif len(stage.said) == 2:
            write_program("exec sleep 600")
        elif len(stage.said) == 3:
            stage.stop()

    write_program("exit 1")
    stage.answer = answer
    with stage.supervisor as supervisor:
        supervisor.start(Program("moody", (str(program),), ready=lambda: True), wait=False)
        supervisor.watch()
    assert stage.said == [
        "moody failed (code 1); it is started again in 0.5 s.",
        "moody could not be started (No such file or directory); it is started again in 1 s.",
        "moody runs again.",
    ]


def test_what_a_dead_child_left_in_its_group_is_ended(stage: Stage, tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    code = (
        "import os, signal, sys\n"
        "if os.fork():\n    signal.pause()\n"
        f"open({str(note)!r}, 'w').write(str(os.getpid()))\nsignal.pause()"
    )

    def act() -> None:
        if stage.supervisor.children[0].restarts:
            stage.stop()

    with stage.supervisor as supervisor:
        supervisor.start(_program("parent", code, ready=note.exists))
        grandchild = int(until(note.read_text))
        stage.act = act
        process = supervisor.children[0].process
        assert process is not None
        process.kill()
        supervisor.watch()
    until(lambda: not lives(grandchild), within_s=5)


def test_start_of_nothing_is_ready_at_once(stage: Stage) -> None:
    with stage.supervisor as supervisor:
        supervisor.start()
    assert stage.said == []


def test_start_that_fails_shows_the_last_lines(stage: Stage) -> None:
    with (
        stage.supervisor as supervisor,
        pytest.raises(ProgramFailed, match=r"failed \(code 3\)[\s\S]*out of luck"),
    ):
        supervisor.start(
            _program("unlucky", "print('out of luck', flush=True); raise SystemExit(3)", ready=lambda: False)
        )


def test_stop_signal_during_the_start(stage: Stage) -> None:
    with stage.supervisor as supervisor, pytest.raises(StopRequested):
        stage.act = stage.stop
        supervisor.start(_program("slow", _SLEEP, ready=lambda: False))
    assert supervisor.children == []


def test_run_to_the_end(stage: Stage) -> None:
    with stage.supervisor as supervisor:
        supervisor.run(_program("short", "print('done')"))
        with pytest.raises(ProgramFailed, match="code 2"):
            supervisor.run(_program("short", "raise SystemExit(2)"))
    assert (stage.logs / "short.log").read_text() == "done\n"


def test_later_phases_stop_first(stage: Stage, tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import os, signal, sys\n"
        f"file = open({str(order)!r}, 'a', buffering=1)\n"
        "def leave(*_): file.write(sys.argv[1] + ' '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "open(sys.argv[2], 'w').close()\n"
        "while True: signal.pause()"
    )
    programs = []
    for name, phase in (("database", 0), ("web", 2), ("model", 1)):
        mark = tmp_path / name
        program = _program(name, code, ready=mark.exists, phase=phase)
        programs.append(Program(**_fields(program) | {"command": (*program.command, name, str(mark))}))
    with stage.supervisor as supervisor:
        supervisor.start(*programs)
    assert order.read_text().split() == ["web", "model", "database"]


def test_stubborn_child_is_killed_after_its_grace(stage: Stage, tmp_path: Path) -> None:
    mark = tmp_path / "deaf"
    code = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({str(mark)!r}, 'w')\n{_SLEEP}"
    with stage.supervisor as supervisor:
        supervisor.start(_program("stubborn", code, ready=mark.exists, grace_s=0.2))
        process = supervisor.children[0].process
    assert process is not None
    assert process.returncode == -signal.SIGKILL
    assert stage.said == ["stubborn did not stop in time and is killed."]


def test_somebody_in_a_hurry_does_not_wait_for_the_grace(stage: Stage, tmp_path: Path) -> None:
    mark = tmp_path / "deaf"
    code = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({str(mark)!r}, 'w')\n{_SLEEP}"
    with stage.supervisor as supervisor:
        supervisor.start(_program("stubborn", code, ready=mark.exists, grace_s=600))
        os.kill(os.getpid(), signal.SIGQUIT)
        supervisor.watch()
    assert stage.said == ["stubborn did not stop in time and is killed."]


def test_children_of_a_killed_supervisor_get_their_stop_signal(tmp_path: Path) -> None:
    note = tmp_path / "child"
    code = (
        "import signal, sys, os\n"
        "from llmops.cli.programs import Program, start\n"
        f"child = '''import signal\nopen({str(note)!r}, 'w').write('ready')\nsignal.pause()'''\n"
        "program = Program('x', (sys.executable, '-S', '-c', child), ready=lambda: True)\n"
        "print(start(program, output=2).pid, flush=True)\nsignal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        until(lambda: note.exists() and note.read_text())
        supervisor.kill()
    until(lambda: not lives(child), within_s=5)


def _fields(program: Program) -> dict[str, Any]:
    return {name: getattr(program, name) for name in Program.__slots__}
