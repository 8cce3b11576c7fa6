"""`llmops up` as people use it: real processes, a fresh LLMOPS_HOME in a path with a space."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from llmops.cli.ports import free_port, is_free
from tests.cli.waiting import lives, until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.jobs, pytest.mark.slow]


class Machine:
    """A folder of data and a port, with the commands that a person would type."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "data of mine"
        self.port = free_port()
        self.console = folder / "console"
        self.supervisor: subprocess.Popen[bytes] | None = None
        kept = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        self.environment = kept | {
            "LLMOPS_HOME": str(self.home),
            "LLMOPS_ENV_FILE": os.devnull,
            "LLMOPS_LOCAL_MODEL": "0",
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> subprocess.Popen[bytes]:
        """Start the platform and wait until it says that it is ready."""
        with self.console.open("wb") as console:
            process = subprocess.Popen(
                self._command("up", "--no-demo", "--port", str(self.port)),
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        self.supervisor = process
        until(lambda: "Ready after" in self.said() or process.poll() is not None, within_s=120)
        assert process.poll() is None, self.said()
        return process

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            self._command(*words),
            cwd=ROOT, env=self.environment | environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def switch_off(self) -> None:
        """Whatever state a test left it in."""
        self.run("stop", "--now")
        if self.supervisor is not None:
            self.supervisor.wait(timeout=60)

    def said(self) -> str:
        return self.console.read_text()

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "--json").stdout))

    def child(self, name: str) -> dict[str, Any]:
        state = json.loads((self.home / "run" / "state.json").read_text())
        return next(child for child in state["children"] if child["name"] == name)

    def processes(self) -> list[str]:
        """What runs with this folder in its command line or environment."""
        mark = str(self.home).encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                about = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if mark in about and lives(int(folder.name)):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        return found

    def page(self, path: str = "/", **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()

    @staticmethod
    def _command(*words: str) -> list[str]:
        return [sys.executable, "-m", "llmops.cli", *words]


@pytest.fixture
def new_machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on which nothing runs yet."""
    machine = Machine(tmp_path)
    yield machine
    machine.switch_off()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the platform runs."""
    machine = Machine(tmp_path_factory.mktemp("up"))
    try:
        machine.up()
        yield machine
    finally:
        machine.switch_off()


def test_first_start_says_where_and_how_to_sign_in(machine: Machine) -> None:
    said = machine.said()
    assert re.search(rf"^Ready after \d+ s: {machine.url}$", said, re.MULTILINE)
    password = re.search(r"^  password (\S+)   \(shown only this once\)$", said, re.MULTILINE)
    assert password
    assert machine.page()[0] == 200
    for log in (machine.home / "logs").iterdir():
        assert password[1] not in log.read_text(errors="replace"), log.name


def test_secrets_are_for_this_user_alone(machine: Machine) -> None:
    secrets = [path for path in (machine.home / "secrets").iterdir() if path.stat().st_size]
    assert {path.name for path in secrets} == {
        "secret-key",
        "field-key",
        "postgres-password",
        "redis-password",
    }
    for path in (*secrets, machine.home / "run" / "addresses.json"):
        assert path.stat().st_mode & 0o077 == 0, path
    for process in machine.processes():
        assert not any(path.read_text().strip() in process for path in secrets), process


def test_status_names_what_runs(machine: Machine) -> None:
    status = machine.status()
    assert (status["state"], status["url"]) == ("running", machine.url)
    assert [child["name"] for child in status["children"]] == ["postgres", "redis", "web", "worker", "beat"]


def test_second_start_says_that_it_runs_and_where(machine: Machine) -> None:
    again = machine.run("up", "--port", str(free_port()))
    assert (again.returncode, again.stdout, again.stderr) == (0, f"llmops already runs: {machine.url}\n", "")


@pytest.mark.parametrize("name", ["web", "worker", "beat", "redis", "postgres"])
def test_killed_child_comes_back(machine: Machine, name: str) -> None:
    until(lambda: machine.child(name)["state"] == "ready")
    before = machine.child(name)
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: machine.child(name)["restarts"] > before["restarts"] and machine.child(name)["state"] == "ready")
    assert machine.child(name)["pid"] != before["pid"]
    assert f"{name} was killed (SIGKILL); it is started again in" in machine.said()
    assert until(lambda: _or_none(machine.page), within_s=20)


def test_r46_readyz_says_no_without_the_database_and_yes_without_redis(machine: Machine) -> None:
    def ready() -> tuple[int, dict[str, Any]]:
        try:
            status, text = machine.page("/readyz")
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read().decode()
        return status, json.loads(text)

    assert until(lambda: ready()[0] == 200)
    supervisor = json.loads((machine.home / "run" / "state.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGSTOP)  # nobody starts again what is killed now
    try:
        os.kill(machine.child("redis")["pid"], signal.SIGKILL)
        assert until(lambda: ready()[1]["status"] == "degraded")
        assert ready() == (200, {"status": "degraded", "database": "ok", "redis": "down"})
        os.kill(machine.child("postgres")["pid"], signal.SIGQUIT)
        assert until(lambda: ready() == (503, {"status": "down", "database": "down"}))
        assert machine.page("/livez")[0] == 200
        broken = machine.run("doctor")
        assert broken.returncode == 1
        assert "FAIL  database     Postgres does not answer" in broken.stdout
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert until(lambda: ready() == (200, {"status": "ok", "database": "ok", "redis": "ok"}))


def test_doctor_finds_nothing_on_a_running_platform(machine: Machine) -> None:
    def healthy() -> bool:
        found = machine.run("doctor", "--json")
        assert found.stderr == ""
        report = json.loads(found.stdout)
        assert report["ok"] is (found.returncode == 0)
        return bool(report["ok"])

    assert until(healthy, within_s=60)
    assert f"Pages are at {machine.url}." in machine.run("doctor").stdout


@pytest.mark.parametrize("program", ["web", "worker", "beat"])
def test_each_program_of_it_answers_for_itself(machine: Machine, program: str) -> None:
    assert until(lambda: machine.run("healthcheck", program).returncode == 0, within_s=60)


def test_figures_are_there_for_this_machine(machine: Machine) -> None:
    assert until(lambda: "llmops_heartbeat_age_seconds{process=" in machine.page("/metrics")[1])


def test_port_that_is_taken(machine: Machine, new_machine: Machine) -> None:
    refused = new_machine.run("up", "--port", str(machine.port))
    assert refused.returncode == 1
    assert refused.stderr == (
        f"llmops: port {machine.port} is taken by another program: choose another with --port"
        ' (make up ARGS="--port ...").\n'
    )
    assert new_machine.processes() == []


def test_administrator_and_key_from_the_command_line(machine: Machine) -> None:
    made = machine.run("createadmin", "--email", "chief@example.com", "--password", "a long enough one")
    assert (made.returncode, made.stdout) == (0, "chief@example.com was made, and is an administrator.\n"), made.stderr
    key = machine.run("apikey", "create", "--project", "demo", "--scopes", "all")
    assert key.returncode == 0, key.stderr
    status, _ = machine.page("/api/v1/connections/", Authorization=f"Bearer {key.stdout.splitlines()[-1]}")
    assert status == 200


def test_key_for_a_project_that_is_not_there(machine: Machine) -> None:
    refused = machine.run("apikey", "create", "--project", "nowhere")
    assert refused.returncode == 1
    assert refused.stderr == "llmops: there is no project 'nowhere' (there is: demo).\n"


def test_kill_and_interrupt_leave_nothing_behind_and_keep_the_data(new_machine: Machine) -> None:
    machine = new_machine
    killed = machine.up()
    machine.run("createadmin", "--email", "chief@example.com", "--password", "a long enough one")
    killed.kill()
    killed.wait()

    second = machine.up()
    assert "password" not in machine.said()
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=60) == 0
    assert machine.said().rstrip().endswith("Everything stopped.")
    assert machine.processes() == []
    assert is_free("127.0.0.1", machine.port)
    assert machine.run("status").returncode == 3
    stopped = machine.run("doctor")
    assert (stopped.returncode, stopped.stdout.startswith("FAIL  platform     It does not run")) == (1, True)

    detached = machine.run("up", "--detach", "--port", str(machine.port))
    assert detached.returncode == 0, detached.stdout
    assert machine.url in detached.stdout
    assert machine.status()["state"] == "running"
    backup = str(machine.home.parent / "backup")
    assert machine.run("backup", backup).returncode == 0
    refused = machine.run("restore", backup)
    assert (refused.returncode, refused.stderr) == (1, "llmops: the platform runs: stop it first with `llmops stop`.\n")
    stopped = machine.run("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "llmops stopped.\n")
    assert machine.processes() == []

    restored = machine.run("restore", backup, "--force")
    assert (restored.returncode, "Everything is as it was at" in restored.stdout) == (0, True), restored.stderr
    assert machine.processes() == []


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("LLMOPS_PORT", "eighty", "LLMOPS_PORT must be a whole number from 1 to 65535, not 'eighty'."),
        ("LLMOPS_LOCAL_MODEL", "maybe", "LLMOPS_LOCAL_MODEL must be 1 or 0, not 'maybe'."),
        ("DATABASE_URL", "mysql://x", "DATABASE_URL must be an address such as postgres://"),
    ],
)
def test_bad_value_stops_the_start_with_a_sentence(
    new_machine: Machine, variable: str, value: str, sentence: str
) -> None:
    refused = new_machine.run("up", **{variable: value})
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"llmops cannot start: {sentence}")
    assert refused.stderr.count("\n") == 1


def test_address_of_another_machine(new_machine: Machine) -> None:
    refused = new_machine.run("up", "--host", "192.0.2.1")
    assert refused.returncode == 1
    assert "192.0.2.1 is no address of this machine" in refused.stderr


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL"])
def test_server_of_ones_own_that_does_not_answer(new_machine: Machine, variable: str) -> None:
    port = free_port()
    address = {
        "DATABASE_URL": f"postgres://me:hunter2@127.0.0.1:{port}/x",
        "REDIS_URL": f"redis://:hunter2@127.0.0.1:{port}/0",
    }
    refused = new_machine.run("up", **{variable: address[variable]})
    assert refused.returncode == 1
    assert f"nothing answers at 127.0.0.1:{port} ({variable})" in refused.stderr
    assert "hunter2" not in refused.stderr


@pytest.fixture
def own_servers(machine: Machine) -> dict[str, str]:
    """The addresses of servers that somebody else looks after, with a database in which nothing is yet."""
    theirs = json.loads((machine.home / "run" / "addresses.json").read_text())
    with psycopg.connect(theirs["database_url"], autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS of_my_own WITH (FORCE)")
        connection.execute("CREATE DATABASE of_my_own")
    database = urlsplit(theirs["database_url"])._replace(path="/of_my_own").geturl()
    return {"DATABASE_URL": database, "REDIS_URL": theirs["redis_url"].removesuffix("/0") + "/3"}


def test_servers_of_ones_own(own_servers: dict[str, str], new_machine: Machine) -> None:
    new_machine.environment |= own_servers
    early = new_machine.run("apikey", "create", "--project", "demo")
    assert (early.returncode, early.stderr) == (
        1, "llmops: the database is empty: run `llmops up`, or `llmops migrate`, first.\n"
    )  # fmt: skip
    new_machine.up()
    assert [child["name"] for child in new_machine.status()["children"]] == ["web", "worker", "beat"]
    assert new_machine.page("/readyz")[0] == 200
    assert not (new_machine.home / "postgres").exists()


def test_database_of_ones_own_that_is_not_there(own_servers: dict[str, str], new_machine: Machine) -> None:
    own_servers["DATABASE_URL"] = own_servers["DATABASE_URL"].replace("of_my_own", "not_there")
    done = new_machine.run("up", "--port", str(new_machine.port), **own_servers)
    assert done.returncode == 1
    assert 'the database cannot be used: database "not_there" does not exist. Mend DATABASE_URL' in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_commands_without_a_platform(new_machine: Machine) -> None:
    refused = new_machine.run("apikey", "create", "--project", "demo")
    assert (refused.returncode, "make up" in refused.stderr) == (1, True)
    assert new_machine.run("stop").returncode == 0


def _is_ours(name: str) -> bool:
    return name.startswith("LLMOPS_") or name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")


def _or_none(ask: Any) -> Any:
    try:
        return ask()
    except OSError:
        return None
