"""The web server: processes that share one socket, and the memory of what all of them import.

One process imports the platform, listens, and forks those that answer, so each of them costs little and starts at
once. It starts again what died; connections wait at the socket meanwhile and are not refused. Asked to stop, it lets
the others finish their answers.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator

import uvicorn

from llmops.cli.programs import signal_when_parent_dies

log = logging.getLogger("llmops.cli.web")  # not __main__

_GRACE_S = 5
_KEEP_ALIVE_S = 75  # longer than browsers and proxies keep an idle connection: none is closed under a request
_PAUSE_S = 0.5  # before a process is started again: one that cannot start must not keep the machine busy
_STOP = frozenset({signal.SIGTERM, signal.SIGINT})
_WATCHED = _STOP | {signal.SIGCHLD}
_SWITCH_S = 0.001
"""How long a page may be computed while another, whose rows have come, waits for the interpreter.

Python's own 5 ms are as long as a page's query, and each query of a page would wait for them anew.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="llmops.cli.web")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    sys.setswitchinterval(_SWITCH_S)
    config = uvicorn.Config(
        importlib.import_module("llmops.asgi").application,
        host=options.host,
        port=options.port,
        log_config=None,  # the settings say how to log
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    importlib.import_module("llmops.urls")  # before forking, so that it is in the memory of all
    listening = listen(config)

    def serve() -> None:
        uvicorn.Server(config).run(sockets=[listening])

    if options.processes == 1:
        serve()
    else:
        keep_forked(serve, n=options.processes, when_told_to_stop=listening.close)


def listen(config: uvicorn.Config) -> socket.socket:
    """The socket that all processes share. Connections wait at it from now on.

    What is sent goes out at once (connections inherit that): a page's last part would wait 40 ms for the browser to
    have confirmed the first. asyncio sees to it only for sockets that it made itself.
    """
    listening = config.bind_socket()
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.listen(config.backlog)
    return listening


def keep_forked(work: Callable[[], None], *, n: int, when_told_to_stop: Callable[[], None]) -> None:
    """Keep `n` forked processes at `work` until SIGTERM or SIGINT comes; then pass it on and wait for their end.

    They are told to end when this process dies, however it dies (on Linux). Call it before any thread is started.
    """
    signal.signal(signal.SIGCHLD, lambda *_: None)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    gc.collect()
    gc.freeze()  # or the first collection of each process would copy all that they share
    working = {_forked(work, mask) for _ in range(n)}
    while signal.sigwait(_WATCHED) not in _STOP:
        for pid, status in _ended():
            log.error("A web process ended (%s); it is started again.", _how(status))
            working.discard(pid)
        time.sleep(_PAUSE_S)
        working |= {_forked(work, mask) for _ in range(n - len(working))}
    when_told_to_stop()
    for pid in working:
        os.kill(pid, signal.SIGTERM)
    for pid in working:
        os.waitpid(pid, 0)


def _forked(work: Callable[[], None], mask: set[int | signal.Signals]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal_when_parent_dies(signal.SIGTERM)
        if os.getppid() == parent:  # or it died in between
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            work()
            code = 0
    except BaseException:
        log.exception("A web process failed.")
    finally:
        os._exit(code)  # what the parent would do at its end is not this process's to do


def _ended() -> Iterator[tuple[int, int]]:
    """Process ids and exit codes of children that have ended since."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"code {code}"


if __name__ == "__main__":
    main()
