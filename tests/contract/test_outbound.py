"""Connections that must not happen (RELIABILITY R35): a listener on loopback counts what reaches it."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from llmops import outbound
from llmops.outbound import AddressRefused, OutboundPolicy, httpx2_client, httpx_client
from llmops.providers.base import CallErrorKind, ModelCallError
from llmops.providers.calls import CallContext, CallPurpose
from llmops.providers.gateway import Gateway
from llmops.providers.limits import Unlimited
from tests.contract.conftest import REQUEST, credential_for
from tests.contract.dialects import ALL, OPENAI_COMPATIBLE, Dialect
from tests.contract.ledger import MemoryLedger
from tests.contract.server import Answer, FakeVendor

pytestmark = pytest.mark.contract

PUBLIC_ONLY = OutboundPolicy()
CONTEXT = CallContext(project_id=1, purpose=CallPurpose.RUN)


@pytest.fixture(params=[httpx2_client, httpx_client], ids=["httpx2", "httpx"])
def client_of(request: pytest.FixtureRequest) -> Callable[[OutboundPolicy], Any]:
    return request.param


class FakeDNS:
    """Answers of a name server that somebody else controls, one list for each question. Addresses are not asked for."""

    def __init__(self, answers: Iterable[list[str]]) -> None:
        self._answers = iter(answers)
        self.asked = 0
        self._without_asking = asyncio.get_running_loop().getaddrinfo

    async def __call__(self, host: str, port: int, **options: Any) -> list[Any]:
        if outbound._literal(host) is not None:
            return await self._without_asking(host, port, **options)
        self.asked += 1
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [
            (families[":" in address], socket.SOCK_STREAM, 6, "", (address, port)) for address in next(self._answers)
        ]


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeDNS]:
    def install(*answers: list[str]) -> FakeDNS:
        fake = FakeDNS(answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fake)
        return fake

    return install


async def test_private_addresses_are_not_connected_to(client_of: Any) -> None:
    async with FakeVendor(Answer(body=b"secret")) as inside, client_of(PUBLIC_ONLY) as client:
        for host in (
            "127.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "2130706433",
            "0x7f.1",
            "127.1",
            "0",
        ):
            with pytest.raises(AddressRefused):
                await client.get(f"http://{host}:{inside.port}/")
    assert inside.connections == 0


async def test_no_socket_is_opened_to_what_was_not_judged(client_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should an address ever be read otherwise on its way down, the last step still refuses it."""
    monkeypatch.setattr(outbound, "check_host", lambda *_: None)
    async with FakeVendor(Answer(body=b"secret")) as inside, client_of(PUBLIC_ONLY) as client:
        with pytest.raises(AddressRefused):
            await client.get(f"http://127.0.0.1:{inside.port}/")
        with pytest.raises(AddressRefused):
            await client.get(f"http://[::ffff:127.0.0.1]:{inside.port}/")
    assert inside.connections == 0


async def test_name_that_stands_for_a_private_address(client_of: Any, dns: Any) -> None:
    async with FakeVendor(Answer(body=b"secret")) as inside, client_of(PUBLIC_ONLY) as client:
        for answer in (["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["169.254.169.254"]):
            dns(answer)
            with pytest.raises(AddressRefused, match=r"models\.example"):
                await client.get(f"http://models.example:{inside.port}/")
    assert inside.connections == 0


async def test_second_dns_answer_changes_nothing(client_of: Any, dns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked once a connection, and the connection goes to the address that was judged."""
    went_to: list[str] = []
    connect = asyncio.get_running_loop().sock_connect

    async def recorded(connecting: socket.socket, address: tuple[str, int]) -> None:
        went_to.append(address[0])
        await connect(connecting, ("127.0.0.1", address[1]))

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", recorded)
    fake = dns(["93.184.216.34"], ["127.0.0.1"])
    last = Answer(body=b"{}", headers={"connection": "close"})
    async with FakeVendor([Answer(body=b"{}"), Answer(body=b"{}"), last]) as vendor, client_of(PUBLIC_ONLY) as client:
        url = f"http://models.example:{vendor.port}/"
        await client.get(url)
        assert (went_to, fake.asked) == (["93.184.216.34"], 1)
        assert vendor.received[0].headers["host"] == f"models.example:{vendor.port}"
        await client.get(url)
        assert fake.asked == 1, "a connection that is open is used again, without asking DNS"
        connections = vendor.connections
        await client.get(url)
        with pytest.raises(AddressRefused):
            await client.get(url)
        assert (went_to, vendor.connections) == (["93.184.216.34"], connections)


async def test_next_address_is_tried_when_one_does_not_answer(client_of: Any, dns: Any) -> None:
    policy = OutboundPolicy.from_text("models.example")
    async with FakeVendor(Answer(body=b"{}")) as vendor, client_of(policy) as client:
        dns(["127.0.0.2", "127.0.0.1"])
        assert (await client.get(f"http://models.example:{vendor.port}/")).status_code == 200


async def test_redirect_into_the_private_network_is_not_followed(client_of: Any) -> None:
    policy = OutboundPolicy().with_endpoint("http://127.0.0.1:1")
    async with FakeVendor(Answer(body=b"secret")) as inside:
        script = Answer(status=302, headers={"location": f"http://127.0.0.1:{inside.port}/"})
        async with FakeVendor(script) as outside:
            async with client_of(policy.with_endpoint(outside.url)) as client:
                assert (await client.get(outside.url)).status_code == 302
        assert inside.connections == 0


async def test_proxies_of_the_environment_are_not_used(client_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeVendor(Answer(body=b"{}")) as proxy, FakeVendor(Answer(body=b"{}")) as vendor:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with client_of(OutboundPolicy.from_text("127.0.0.1")) as client:
            await client.get(vendor.url)
    assert (proxy.connections, vendor.connections) == (0, 1)


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.vendor.value)
async def test_calls_to_private_base_urls_never_leave(dialect: Dialect) -> None:
    ledger = MemoryLedger()
    async with FakeVendor(dialect.answer("secret")) as inside:
        gateway = Gateway(ledger=ledger, limiter=Unlimited(), price_of=lambda *_: None)
        async with gateway:
            for _ in range(3):
                with pytest.raises(ModelCallError) as caught:
                    await gateway.complete(credential_for(dialect, inside.url), REQUEST, CONTEXT)
        assert inside.connections == 0
    assert caught.value.kind is CallErrorKind.PRIVATE_ADDRESS
    assert not caught.value.retryable
    assert "LLMOPS_ALLOW_PRIVATE_URLS" in caught.value.message
    assert ledger.rows == {}, "nothing was sent, so nothing is in the ledger"


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.vendor.value)
async def test_names_that_turn_out_private_are_refused_on_connecting(dialect: Dialect, dns: Any) -> None:
    async with FakeVendor(dialect.answer("secret")) as inside:
        dns(*[["127.0.0.1"]] * 3)
        credential = credential_for(dialect, f"http://models.example:{inside.port}")
        async with Gateway(ledger=MemoryLedger(), limiter=Unlimited(), price_of=lambda *_: None) as gateway:
            with pytest.raises(ModelCallError) as caught:
                await gateway.complete(credential, REQUEST, CONTEXT)
            with pytest.raises(ModelCallError) as streamed:
                async for _ in gateway.stream(credential, REQUEST, CONTEXT):
                    pass
        assert inside.connections == 0
    assert caught.value.kind is streamed.value.kind is CallErrorKind.PRIVATE_ADDRESS
    assert caught.value.attempts == 1


async def test_unknown_host_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    credential = credential_for(OPENAI_COMPATIBLE, "http://models.invalid")
    async with Gateway(ledger=MemoryLedger(), limiter=Unlimited(), price_of=lambda *_: None) as gateway:
        with pytest.raises(ModelCallError) as caught:
            await gateway.complete(credential, REQUEST, CONTEXT, max_attempts=1)
    assert caught.value.kind is CallErrorKind.UNREACHABLE
