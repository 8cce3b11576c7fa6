"""Several web processes behind one socket: none is missed, and none is left behind."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import uvicorn

from llmops.cli.web import listen
from tests.jobs.processes import Platform, kill_process, until
from tests.jobs.web import Visitor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.jobs]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.start("web")
    yield platform
    platform.close()


def family(web: Platform) -> list[psutil.Process]:
    return [child for child in psutil.Process(web.processes["web"].pid).children() if child.status() != "zombie"]


def test_one_that_dies_is_replaced_and_nobody_notices(web: Platform) -> None:
    visitor, before = Visitor(web.web_url, {}), {child.pid for child in family(web)}
    assert len(before) == 2
    for pid in before:
        kill_process(pid)
        assert visitor.get("/livez").status == 200
    until(lambda: len(family(web)) == 2)
    assert before.isdisjoint(child.pid for child in family(web))
    assert (web.folder / "web.log").read_text().count("A web process ended (SIGKILL); it is started again.") == 2


def test_figures_are_of_all_processes_whichever_tells_them(web: Platform) -> None:
    visitor = Visitor(web.web_url, {})

    def counted() -> int:
        told = visitor.get("/metrics").body.decode()
        found = re.search(
            r'^llmops_http_requests_total\{method="GET",route="sign-in/",status="200"\} (\d+)', told, re.M
        )
        assert found
        return int(found[1])

    # Not /livez: whoever waited for the first answer may have asked that more often than was answered by then.
    assert visitor.get("/sign-in/").status == 200
    began_at = counted()
    for more in range(1, 20):
        assert visitor.get("/sign-in/").status == 200
        assert counted() == began_at + more


def test_what_is_sent_goes_out_at_once() -> None:
    config = uvicorn.Config("llmops.asgi:application", host="127.0.0.1", port=0, log_config=None)
    with closing(listen(config)) as listening, closing(socket.create_connection(listening.getsockname())):
        taken, _ = listening.accept()
        with closing(taken):
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_asked_to_stop_they_finish_what_they_answer(web: Platform) -> None:
    processes = family(web)
    address = web.web_url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=10)) as asking:
        asking.putrequest("POST", "/api/v1/connections/")
        asking.putheader("Content-Length", "2")
        asking.endheaders()
        until(lambda: any(_talks(process, asking) for process in processes), what="that it is heard")
        web.processes["web"].send_signal(signal.SIGTERM)
        until(lambda: _refuses(address), what="that no new visitor is let in")
        asking.send(b"{}")
        with asking.getresponse() as answer:
            assert answer.status == 401
    assert web.stop("web") < 5
    assert not any(process.is_running() for process in processes)


def test_they_end_with_the_one_that_started_them(web: Platform) -> None:
    processes = family(web)
    began_at = time.monotonic()
    kill_process(web.processes["web"].pid)
    web.processes.pop("web").wait(10)
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    assert time.monotonic() - began_at < 10


def _talks(process: psutil.Process, visitor: http.client.HTTPConnection) -> bool:
    """Whether the process has taken the visitor's connection."""
    ours = visitor.sock.getsockname()
    return any(found.raddr == ours for found in process.net_connections("tcp"))


def _refuses(address: str) -> bool:
    with closing(http.client.HTTPConnection(address, timeout=1)) as visitor:
        try:
            visitor.connect()
        except ConnectionRefusedError:
            return True
    return False
