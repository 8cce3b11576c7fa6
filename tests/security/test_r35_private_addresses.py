"""R35: no page, call or worker connects to where only this machine may.

The platform as a whole; the door out itself, with redirects, is in tests/unit/test_outbound.py and
tests/contract/test_outbound.py.
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop

from evals_app.models import Result
from llmops.core.choices import Role
from llmops.core.models import Connection
from llmops.providers.base import Vendor
from tests.core.factories import make_connection, make_room, make_user, signed_in
from tests.evals_app.factories import World, drive, make_world, states_of

pytestmark = pytest.mark.django_db(transaction=True)

HOSTS = (
    *("127.0.0.1", "localhost", "LOCALHOST.", "api.localhost", "[::1]", "0.0.0.0", "[::]", "0"),  # noqa: S104
    *("2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.", "１２７.0.0.1"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    *("10.0.0.1", "192.168.0.1", "172.16.0.1", "169.254.169.254", "[fd00::1]", "[fe80::1]", "100.64.0.1"),
)
OTHER_SCHEMES = ("file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "ftp://127.0.0.1:{port}/", "//127.0.0.1:{port}")
NAMES = {
    "inside.example": [["127.0.0.1"]],
    "both.example": [["93.184.216.34", "127.0.0.1"]],
    "rebinding.example": [["93.184.216.34"], ["127.0.0.1"]],
}
"""What a name server says to each question about a name, the last answer again and again."""


class Inside:
    """A server of this machine that nobody may reach. The system accepts for it, so it can count afterwards."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        first = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = first.getsockname()[1]
        self._listening = [first]
        with contextlib.suppress(OSError):  # a machine without IPv6
            self._listening.append(
                stack.enter_context(socket.create_server(("::1", self.port), family=socket.AF_INET6))
            )

    def connections(self) -> int:
        """How many connections came in since it was asked last."""
        found = 0
        for server in self._listening:
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.accept()[0].close()
                    found += 1
        return found


@pytest.fixture
def inside() -> Iterator[Inside]:
    with contextlib.ExitStack() as stack:
        yield Inside(stack)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each name was looked up. Public addresses are there, but nothing listens."""
    questions: Counter[str] = Counter()

    class Loop(uvloop.Loop):
        async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> list[Any]:
            if host not in NAMES:
                return await super().getaddrinfo(host, port, **options)
            answers = NAMES[host]
            questions[host] += 1
            answer = answers[min(questions[host], len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

        async def sock_connect(self, connecting: socket.socket, address: Any) -> None:
            if address[0] == "93.184.216.34":
                raise ConnectionRefusedError("nothing listens there")
            await super().sock_connect(connecting, address)

    monkeypatch.setattr(uvloop.EventLoopPolicy, "_loop_factory", lambda policy: Loop())
    return questions


def urls(port: int) -> list[str]:
    return [f"http://{host}:{port}/v1" for host in HOSTS] + [url.format(port=port) for url in OTHER_SCHEMES]


def test_r35_nobody_can_store_a_private_address(inside: Inside) -> None:
    room = make_room()
    api, form = room.api(), f"{room.address}models/new/?vendor={Vendor.OPENAI_COMPATIBLE}"
    for url in urls(inside.port):
        wanted = {"name": "inside", "base_url": url, "default_model": "m"}
        assert room.client.post(form, wanted).status_code == 422, url
        assert api.post("connections/", {"vendor": "openai_compatible", **wanted}).status_code == 422, url
    assert not Connection.objects.filter(project=room.project).exists()
    assert inside.connections() == 0


def test_r35_nothing_connects_to_a_private_address_that_is_stored_all_the_same(inside: Inside) -> None:
    """A row from before a rule, or written by hand: tested on the page, then used by a worker."""
    world, user = make_world(n_cases=1), make_user()
    browser = signed_in(user, world.project, Role.ADMIN)
    connections = [connection_to(world.project, url) for url in urls(inside.port)]
    for connection in connections:
        browser.post(f"/p/{world.project.slug}/models/{connection.name}/test/")
        connection.refresh_from_db()
        assert connection.test_problem
    run_with(world, connections)
    assert inside.connections() == 0


def test_r35_names_are_judged_by_what_they_stand_for_each_time(inside: Inside, asked: Counter[str]) -> None:
    world = make_world(n_cases=1)
    connections = [connection_to(world.project, f"http://{name}:{inside.port}/v1") for name in NAMES]
    for _ in range(2):
        run_with(world, connections)
    assert inside.connections() == 0
    assert all(asked[name] >= 2 for name in NAMES)


def test_r35_the_count_would_tell(inside: Inside, settings: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = "127.0.0.1"
    room = make_room()
    connection = connection_to(room.project, f"http://127.0.0.1:{inside.port}/v1")
    Connection.objects.filter(pk=connection.pk).update(timeout_s=1)
    room.client.post(f"{room.address}models/{connection.name}/test/")
    assert inside.connections() > 0


def connection_to(project: Any, url: str) -> Connection:
    """Stored past every check."""
    connection = make_connection(
        project, vendor=Vendor.OPENAI_COMPATIBLE, base_url="https://models.example/v1", default_model="m"
    )
    Connection.objects.filter(pk=connection.pk).update(base_url=url)
    return connection


def run_with(world: World, connections: list[Connection]) -> None:
    """A run of one case over each of them."""
    runs = [world.run(version=world.prompt("m", connection=connection)) for connection in connections]
    drive()
    for run in runs:
        assert states_of(run) == {"error": 1}
        assert Result.objects.get(run=run).error_kind == "private_address"
