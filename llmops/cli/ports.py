"""TCP ports on this machine: is one taken, and which did a server use last time."""

import errno
import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

from llmops.home import write_private

LOOPBACK = "127.0.0.1"


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `host`:`port` now.

    Raises OSError when `host` is no address of this machine.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a server that has just stopped do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            return False
        except OSError as refused:
            if refused.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def remembered_port(home: Path, name: str) -> int:
    """The loopback port that `name` had last time, or a new one when that is taken. Kept in `home`/run."""
    path = home / "run" / "ports.json"
    try:
        ports = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        ports = {}
    if name not in ports or not is_free(LOOPBACK, ports[name]):
        ports[name] = free_port()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, json.dumps(ports))
    return int(ports[name])


def answers(port: int, *, host: str = LOOPBACK, within_s: float = 1) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=within_s):
            return True
    except OSError:
        return False


def answers_ok(url: str, *, within_s: float = 2) -> bool:
    """Whether a GET of `url`, one of our own programs, is answered with 200; past any proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=within_s) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
