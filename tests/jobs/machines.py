"""Machines of a network, made of Linux network namespaces: each with its own address, host name and loopback."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

from llmops.cli.programs import Program, kill_group, last_lines, start

PORT = 8000
_FOR_MEASUREMENTS = ipaddress.ip_network("198.18.0.0/15")  # never routed beyond a laboratory
_BITS = 29
_ASK = """
import json, sys, urllib.request
request = urllib.request.Request(sys.argv[1], data=sys.argv[3].encode(), headers=json.loads(sys.argv[2]))
print(urllib.request.urlopen(request, timeout=30).read().decode())
"""


class NotAllowed(Exception):
    """This system does not let us make networks; the message says what it said."""


@dataclass
class Machine:
    """One machine: its programs see its own interfaces alone, and reach others through `cable`."""

    name: str
    namespace: str
    cable: str
    address: IPv4Address
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, program: str) -> None:
        """Start `llmops PROGRAM` here. Ends with this process, or by `close`."""
        wanted = Program(program, self._here(sys.executable, "-m", "llmops.cli", program), environment=self._variables)
        with self._log(program).open("ab") as output:
            self.processes[program] = start(wanted, output=output.fileno())

    def is_well(self, program: str) -> bool:
        """Whether it works, as its health check in a container finds out."""
        assert self.processes[program].poll() is None, f"{program} ended.\n{last_lines(self._log(program))}"
        return self._run("-m", "llmops.cli", "healthcheck", program).returncode == 0

    def stop(self, program: str) -> None:
        process = self.processes.pop(program)
        process.terminate()
        process.wait(30)

    def llmops(self, *words: str) -> None:
        """Run a command of the platform to its end."""
        done = self._run("-m", "llmops.cli", *words)
        assert done.returncode == 0, done.stderr

    def script(self, path: Path) -> subprocess.Popen[str]:
        """A Python script that runs here and is spoken with over its pipes."""
        return subprocess.Popen(
            self._here(sys.executable, str(path)),
            env={**os.environ, **self._variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def post(self, url: str, body: Any, *, headers: Mapping[str, str]) -> Any:
        """What a server of the network answers when it is asked from here."""
        kind = {"Content-Type": "application/json"}
        done = self._run("-c", _ASK, url, json.dumps({**headers, **kind}), json.dumps(body))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def cut_off(self) -> None:
        """From now on nothing comes in or goes out, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def plug_in(self) -> None:
        _ip("link", "set", self.cable, "up")

    def close(self) -> None:
        for process in self.processes.values():
            kill_group(process)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self._variables}
        command = self._here(sys.executable, *words)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    @property
    def _variables(self) -> dict[str, str]:
        home = self.folder / self.name
        return {**self.environment, "LLMOPS_HOME": str(home), "LLMOPS_HOST": "0.0.0.0", "LLMOPS_PORT": str(PORT)}  # noqa: S104

    def _here(self, *command: str) -> tuple[str, ...]:
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name)
        return ("ip", "netns", "exec", self.namespace, *named, *command)

    def _log(self, program: str) -> Path:
        return self.folder / f"{self.name}-{program}.log"


@dataclass(frozen=True)
class Network:
    """The address of this process's own machine, and the other machines."""

    here: IPv4Interface
    machines: tuple[Machine, ...]


@contextlib.contextmanager
def network_of(names: tuple[str, ...], folder: Path) -> Iterator[Network]:
    """Machines with these names on one switch, and this machine among them. Raises NotAllowed."""
    bridge, subnet = f"llmops{os.getpid():x}", _subnet_of_this_process()
    here, *others = [IPv4Interface(f"{address}/{_BITS}") for address in list(subnet.hosts())[: len(names) + 1]]
    with contextlib.ExitStack() as stack:
        stack.callback(_ip, "link", "delete", bridge, check=False)
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", str(here), "dev", bridge)
        _ip("link", "set", bridge, "up")
        machines = []
        for number, (name, address) in enumerate(zip(names, others, strict=True)):
            namespace, cable = f"{bridge}-{number}", f"{bridge}-{number}"
            stack.callback(_ip, "netns", "delete", namespace, check=False)
            _ip("netns", "add", namespace)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            _ip("link", "set", cable, "master", bridge, "up")
            _ip("-n", namespace, "address", "add", str(address), "dev", "eth0")
            for interface in ("lo", "eth0"):
                _ip("-n", namespace, "link", "set", interface, "up")
            stack.callback(_ip, "link", "delete", cable, check=False)
            machines.append(Machine(name, namespace, cable, address.ip, folder))
            stack.callback(machines[-1].close)
        yield Network(here, tuple(machines))


def _subnet_of_this_process() -> ipaddress.IPv4Network:
    """Another one for each process, so that two test sessions on one machine do not meet."""
    size = 2 ** (32 - _BITS)
    first = int(_FOR_MEASUREMENTS.network_address) + os.getpid() % (_FOR_MEASUREMENTS.num_addresses // size) * size
    return ipaddress.IPv4Network((first, _BITS))


def _ip(*words: str, check: bool = True) -> None:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        raise NotAllowed("there is no command `ip`") from None
    if check and done.returncode:
        raise NotAllowed(f"`ip {' '.join(words)}` said: {done.stderr.strip()}")
