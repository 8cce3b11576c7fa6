"""A Postgres, a Redis and a platform over them that a test may stop and kill, apart from those that all tests share."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface
from pathlib import Path

import environ
from django.core.management import call_command
from django.db import connection

from llmops.cli.ports import LOOPBACK, free_port
from llmops.cli.postgres import PostgresServer
from llmops.cli.programs import Program, kill_group, start, stop, wait_until_ready
from llmops.cli.valkey import RedisServer
from tests.jobs.processes import Platform


@dataclass
class Server:
    """One server program, as `llmops up` starts it."""

    program: Program
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = start(self.program, output=output.fileno())
        wait_until_ready(self.program, self.process, log=self.log)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it by this signal, and wait until it is gone."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(20)

    def freeze(self) -> None:
        """It neither answers nor refuses, as a machine that was cut off."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            stop(self.process, self.program)
        elif self.process is not None:
            kill_group(self.process)


@dataclass(frozen=True)
class Servers:
    """A Postgres and a Redis, with their addresses on this machine."""

    postgres: Server
    redis: Server
    database_url: str
    redis_url: str


@dataclass(frozen=True)
class Site(Servers):
    """A whole platform with servers of its own. The ORM of this process speaks to its database as well."""

    platform: Platform


@contextlib.contextmanager
def servers_of_their_own(folder: Path, *, also_at: IPv4Interface | None = None) -> Iterator[Servers]:
    """Both started and empty, on loopback and, when asked for, for the machines of a network. Postgres writes
    durably, as in production. The ORM of this process speaks to it."""
    database = PostgresServer(folder / "postgres", free_port(), "test")
    replace(database, durable=False).create()
    queue = RedisServer(folder / "redis", free_port(), "test")
    programs = [database.program(), queue.program()]
    if also_at is not None:
        with (database.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {also_at.network} scram-sha-256\n")
        more = (("-c", f"listen_addresses={LOOPBACK},{also_at.ip}"), ("--bind", LOOPBACK, str(also_at.ip)))
        programs = [
            replace(program, command=(*program.command, *words)) for program, words in zip(programs, more, strict=True)
        ]
    postgres, redis = (Server(program, folder / f"{program.name}.log") for program in programs)
    with contextlib.ExitStack() as stack:
        for server in (postgres, redis):
            stack.callback(server.close)
            server.start()
        stack.enter_context(orm_over(database.url))
        yield Servers(postgres, redis, database.url, queue.url)


@contextlib.contextmanager
def site_of_its_own(folder: Path) -> Iterator[Site]:
    """Everything started over empty servers."""
    with servers_of_their_own(folder) as servers, contextlib.ExitStack() as stack:
        call_command("migrate", verbosity=0)
        platform = Platform(folder, redis_url=servers.redis_url)
        stack.callback(platform.close)
        for name in ("beat", "worker", "web"):
            platform.start(name)
        yield Site(**vars(servers), platform=platform)


@contextlib.contextmanager
def orm_over(url: str) -> Iterator[None]:
    """Django's connections of this process lead to another database for the length of a block."""
    kept = dict(connection.settings_dict)
    wanted = environ.Env.db_url_config(url)
    _let_go()
    connection.settings_dict.update({name: wanted[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")})
    try:
        yield
    finally:
        _let_go()
        connection.settings_dict.update(kept)


def orm_answers(*, within_s: float) -> None:
    """Wait until the ORM of this process is connected again after its database went away."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            connection.ensure_connection()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return
        except Exception:
            assert time.monotonic() < deadline, f"no connection within {within_s:g} s"
            _let_go()
            time.sleep(0.05)


def _let_go() -> None:
    connection.close()
    connection.close_pool()
