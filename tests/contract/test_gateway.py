"""The gateway over real HTTP: faults at a rate, Retry-After, streams that are left (RELIABILITY R5)."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from llmops.outbound import OutboundPolicy
from llmops.providers.base import LOCAL_MODEL, CallErrorKind, ChatRequest, Message, ModelCallError, Vendor
from llmops.providers.calls import CallContext, CallPurpose, Price, Reply
from llmops.providers.gateway import Gateway
from llmops.providers.limits import Unlimited
from llmops.providers.retry import RetryPolicy
from tests.contract.conftest import KEY, LOOPBACK, REQUEST, credential_for
from tests.contract.dialects import MODEL, OPENAI, Dialect, as_json
from tests.contract.ledger import MemoryLedger
from tests.contract.server import Answer, FakeVendor, Received

pytestmark = pytest.mark.contract

CONTEXT = CallContext(project_id=1, purpose=CallPurpose.RUN)
PRICE = Price(Decimal(1), Decimal(2), None, "list of today")


class PausesSeen(Unlimited):
    def __init__(self) -> None:
        self.paused: list[float] = []

    async def pause(self, credential: Any, *, seconds: float) -> None:
        self.paused.append(seconds)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
async def gateway(ledger: MemoryLedger) -> AsyncIterator[Gateway]:
    async with Gateway(
        ledger=ledger,
        limiter=Unlimited(),
        price_of=lambda *_: PRICE,
        rng=random.Random(1),
        retry=RetryPolicy(base_s=0.001, cap_s=0.002),
        outbound=LOOPBACK,
    ) as gateway:
        yield gateway


def faults(dialect: Dialect) -> list[Answer]:
    body = dialect.answer("yes").body
    return [
        dialect.failure(429, "slow down", "rate_limit_error", retry_after="0"),
        dialect.failure(429, "slow down", "rate_limit_error", retry_after_ms="5"),
        dialect.failure(500, "boom"),
        dialect.failure(529, "Overloaded", "overloaded_error"),
        Answer(hang=True),
        Answer(body=body, cut_after=len(body) // 2),
        Answer(body=body[:-30]),
        Answer(body=as_json(dialect.error("Overloaded", "overloaded_error"))),
    ]


class FaultyVendor:
    """Answers with a fault at the given rate, seeded, and otherwise repeats the question."""

    def __init__(self, dialect: Dialect, *, rate: float, seed: int) -> None:
        self._dialect = dialect
        self._rng = random.Random(seed)
        self._rate = rate
        self.calls: Counter[str] = Counter()
        self.faults = 0

    def __call__(self, received: Received) -> Answer:
        question = received.json["messages"][-1]["content"]
        self.calls[question] += 1
        if self._rng.random() < self._rate:
            self.faults += 1
            return self._rng.choice(faults(self._dialect))
        return self._dialect.answer(f"echo {question}")


async def test_every_call_ends_and_the_ledger_knows_every_attempt(
    dialect: Dialect, gateway: Gateway, ledger: MemoryLedger
) -> None:
    """R5: 300 calls, 30 at a time, one in five answers broken in eight ways."""
    script = FaultyVendor(dialect, rate=0.2, seed=5)
    places = asyncio.Semaphore(30)

    async with FakeVendor(script) as vendor:
        credential = credential_for(dialect, vendor.url, timeout_s=2.0)  # a busy machine is not a fault

        async def call(number: int) -> Reply | ModelCallError:
            request = ChatRequest(MODEL, (Message("user", f"question {number}"),))
            async with places:
                try:
                    return await gateway.complete(credential, request, CONTEXT)
                except ModelCallError as error:
                    return error

        outcomes = await asyncio.gather(*(call(number) for number in range(300)))
        arrived = Counter(received.json["messages"][-1]["content"] for received in vendor.received)

    assert script.faults > 40
    assert len(ledger.rows) == len(vendor.received) == sum(script.calls.values())
    assert len(ledger.ends) == len(ledger.rows)
    for number, outcome in enumerate(outcomes):
        question = f"question {number}"
        assert outcome.attempts == arrived[question] <= 3
        if isinstance(outcome, Reply):
            assert outcome.completion.text == f"echo {question}"
            assert outcome.cost_usd is not None
        else:
            assert outcome.retryable and outcome.attempts == 3
            assert KEY not in outcome.message
    states = Counter(end.state for end in ledger.ends)
    assert states["ok"] == sum(isinstance(outcome, Reply) for outcome in outcomes)
    assert states["error"] == script.faults
    assert states["abandoned"] == 0


async def test_retry_after_is_waited_for_and_told_to_everybody(ledger: MemoryLedger) -> None:
    limiter = PausesSeen()
    script = [OPENAI.failure(429, "slow down", retry_after_ms="60"), OPENAI.answer("yes")]
    loop = asyncio.get_running_loop()
    gateway = Gateway(ledger=ledger, limiter=limiter, price_of=lambda *_: None, outbound=LOOPBACK)
    async with FakeVendor(script) as vendor, gateway:
        began = loop.time()
        reply = await gateway.complete(credential_for(OPENAI, vendor.url), REQUEST, CONTEXT)
        assert loop.time() - began >= 0.06
    assert reply.attempts == 2
    assert limiter.paused == [0.06]
    assert [end.status_code for end in ledger.ends] == [429, None]
    assert ledger.ends[0].retry_after_s == 0.06


async def test_nothing_is_tried_again_behind_the_gateways_back(
    dialect: Dialect, gateway: Gateway, ledger: MemoryLedger
) -> None:
    async with FakeVendor(dialect.failure(503, "down")) as vendor:
        with pytest.raises(ModelCallError):
            await gateway.complete(credential_for(dialect, vendor.url), REQUEST, CONTEXT, max_attempts=1)
        assert (len(vendor.received), len(ledger.rows)) == (1, 1)


async def test_slow_drip_does_not_outlive_the_deadline(dialect: Dialect, gateway: Gateway) -> None:
    """A server that sends a byte now and then never trips a time-out on silence."""
    body = dialect.answer("yes").body
    script = Answer(pieces=[body[:1], *[body[i : i + 1] for i in range(1, len(body))]])
    script.headers = {"content-type": "application/json"}
    script.gate = asyncio.Event()
    async with FakeVendor(script) as vendor:
        with pytest.raises(ModelCallError) as caught:
            await gateway.complete(credential_for(dialect, vendor.url), REQUEST, CONTEXT, deadline_s=0.1)
        await asyncio.wait_for(vendor.disconnected.wait(), 5)
    assert caught.value.kind is CallErrorKind.TIMED_OUT


async def test_leaving_a_stream_hangs_up_and_is_written_down(
    dialect: Dialect, gateway: Gateway, ledger: MemoryLedger
) -> None:
    events = dialect.events(["one", "two"])
    script = Answer(pieces=[b"".join(events[:4]), *events[4:]], gate=asyncio.Event())
    async with FakeVendor(script) as vendor:
        stream = gateway.stream(credential_for(dialect, vendor.url), REQUEST, CONTEXT)
        async with aclosing(stream):
            assert await anext(stream) == "one"
        await asyncio.wait_for(vendor.disconnected.wait(), 5)
    assert [end.state for end in ledger.ends] == ["abandoned"]


async def test_cancelled_call_hangs_up(dialect: Dialect, gateway: Gateway, ledger: MemoryLedger) -> None:
    arrived = asyncio.Event()

    def script(_: Received) -> Answer:
        arrived.set()
        return Answer(hang=True)

    async with FakeVendor(script) as vendor:
        credential = credential_for(dialect, vendor.url)
        call = asyncio.create_task(gateway.complete(credential, REQUEST, CONTEXT))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(vendor.disconnected.wait(), 5)
    assert [end.state for end in ledger.ends] == ["abandoned"]


@pytest.mark.parametrize("typed", ["SmolLM2-135M-Instruct", "SMOLLM2-135m-instruct"])
async def test_local_model_answers_to_its_name_in_any_letters(ledger: MemoryLedger, typed: str) -> None:
    async with FakeVendor(OPENAI.answer("yes")) as vendor:
        local = replace(credential_for(OPENAI, vendor.url, api_key=""), vendor=Vendor.LOCAL)
        gateway = Gateway(ledger=ledger, limiter=Unlimited(), price_of=lambda *_: None, outbound=OutboundPolicy())
        async with gateway:
            await gateway.complete(local, replace(REQUEST, model=typed), CONTEXT)
    assert vendor.received[0].json["model"] == LOCAL_MODEL
    assert [start.model for start in ledger.starts] == [LOCAL_MODEL]


async def test_local_model_is_called_without_any_permission(ledger: MemoryLedger) -> None:
    async with FakeVendor(OPENAI.answer("yes")) as vendor, FakeVendor(OPENAI.answer("no")) as other:
        local = replace(credential_for(OPENAI, vendor.url, api_key=""), vendor=Vendor.LOCAL)
        gateway = Gateway(ledger=ledger, limiter=Unlimited(), price_of=lambda *_: None, outbound=OutboundPolicy())
        async with gateway:
            asked = replace(REQUEST, model=LOCAL_MODEL)
            assert (await gateway.complete(local, asked, CONTEXT)).completion.text == "yes"
            typed = credential_for(OPENAI, other.url, connection_id=8)
            with pytest.raises(ModelCallError):
                await gateway.complete(typed, REQUEST, CONTEXT)
        assert other.connections == 0
