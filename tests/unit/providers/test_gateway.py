import asyncio
import random
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from llmops.providers.base import CallErrorKind, ModelCallError, Usage
from llmops.providers.calls import CallEnd, CallStart, CallState, Price, Reply
from llmops.providers.faults import fault
from llmops.providers.gateway import Gateway
from llmops.providers.retry import RetryPolicy
from tests.contract.ledger import MemoryLedger
from tests.unit.providers.fakes import ANSWER, CONTEXT, CREDENTIAL, REQUEST, FakeAdapter, FakeLimiter, forever

PRICE = Price(Decimal("2.50"), Decimal("10"), Decimal("1.25"), "list of today")
# 600 fresh and 400 cached input tokens, 100 output tokens: 0.0015 + 0.0005 + 0.001
COST = Decimal("0.0030")
DOWN = fault(CallErrorKind.VENDOR_DOWN, CREDENTIAL, status_code=503)
LATE = fault(CallErrorKind.TIMED_OUT, CREDENTIAL)


class World:
    """A gateway over fakes, and what they saw."""

    def __init__(self, *steps: Any, forever: bool = False, limiter: FakeLimiter | None = None, **more: Any) -> None:
        self.adapter = FakeAdapter(steps, forever=forever)
        self.ledger = more.pop("ledger", None) or MemoryLedger()
        self.limiter = limiter or FakeLimiter()
        self.gateway = Gateway(
            ledger=self.ledger,
            limiter=self.limiter,
            price_of=more.pop("price_of", lambda *_: PRICE),
            rng=random.Random(1),
            retry=RetryPolicy(base_s=0.0),
            open_adapter=self.adapter,
        )

    async def complete(self, **more: Any) -> Reply:
        return await self.gateway.complete(CREDENTIAL, REQUEST, CONTEXT, **more)

    async def failure(self, **more: Any) -> ModelCallError:
        with pytest.raises(ModelCallError) as caught:
            await self.complete(**more)
        return caught.value

    def stream(self, **more: Any) -> Any:
        return aclosing(self.gateway.stream(CREDENTIAL, REQUEST, CONTEXT, **more))

    @property
    def states(self) -> list[str]:
        return [end.state for end in self.ledger.ends]


async def test_reply_and_its_ledger_row() -> None:
    world = World(ANSWER)
    reply = await world.complete()
    assert (reply.completion, reply.attempts, reply.cost_usd) == (ANSWER, 1, COST)
    (start,), (end,) = world.ledger.starts, world.ledger.ends
    assert (start.id, start.attempt) == (reply.call_id, 1)
    assert (start.context, start.connection_id) == (CONTEXT, 7)
    assert (start.vendor, start.model) == ("openai", "model-1")
    assert start.started_at.utcoffset() is not None and start.started_at <= end.finished_at
    assert end == CallEnd(
        state=CallState.OK,
        finished_at=end.finished_at,
        latency_ms=reply.latency_ms,
        first_token_ms=None,
        usage=ANSWER.usage,
        cost_usd=COST,
        price=PRICE,
        error_kind="",
        error_message="",
        status_code=None,
        retry_after_s=None,
        finish_reason="stop",
        response_model="model-1-b",
        response_id="r-1",
    )


async def test_retries_are_rows_of_their_own_and_costs_add_up() -> None:
    billed = fault(CallErrorKind.BAD_ANSWER, CREDENTIAL, usage=Usage(1_000, 0))
    world = World(DOWN, billed, ANSWER)
    reply = await world.complete()
    assert (reply.attempts, reply.cost_usd) == (3, COST + Decimal("0.0025"))
    assert [start.attempt for start in world.ledger.starts] == [1, 2, 3]
    assert world.states == ["error", "error", "ok"]
    assert [end.cost_usd for end in world.ledger.ends] == [0, Decimal("0.0025"), COST]
    assert [end.error_kind for end in world.ledger.ends] == ["vendor_down", "bad_answer", ""]
    assert [attempt for _, _, attempt in world.adapter.calls] == [1, 2, 3]


async def test_attempts_end() -> None:
    world = World(DOWN, forever=True)
    error = await world.failure(max_attempts=4)
    assert (error.kind, error.attempts, error.cost_usd) == (CallErrorKind.VENDOR_DOWN, 4, Decimal(0))
    assert world.states == ["error"] * 4


async def test_final_errors_are_not_tried_again() -> None:
    world = World(fault(CallErrorKind.WRONG_KEY, CREDENTIAL, status_code=401))
    error = await world.failure()
    assert (error.kind, error.attempts) == (CallErrorKind.WRONG_KEY, 1)
    (end,) = world.ledger.ends
    assert (end.error_message, end.status_code) == (error.message, 401)


async def test_what_may_have_been_billed_is_not_written_down_as_free() -> None:
    world = World(LATE, ANSWER)
    reply = await world.complete()
    assert [end.cost_usd for end in world.ledger.ends] == [None, COST]
    assert reply.cost_usd == COST


async def test_unknown_price_and_unknown_usage_make_the_cost_unknown() -> None:
    assert (await World(ANSWER, price_of=lambda *_: None).complete()).cost_usd is None
    assert (await World(replace(ANSWER, usage=None)).complete()).cost_usd is None
    assert (await World(DOWN, price_of=lambda *_: None).failure(max_attempts=1)).cost_usd is None


def test_cached_input_without_a_price_of_its_own_costs_as_other_input() -> None:
    price = Price(Decimal(2), Decimal(8), None, "x")
    assert price.cost_usd(Usage(1_000_000, 500_000, 400_000)) == Decimal(6)


async def test_nothing_is_sent_before_the_row_is_committed() -> None:
    class SlowLedger(MemoryLedger):
        async def begin(self, start: CallStart) -> None:
            await asyncio.sleep(0)
            assert world.adapter.calls == []
            await super().begin(start)

    world = World(ANSWER, ledger=SlowLedger())
    await world.complete()
    assert len(world.adapter.calls) == 1


async def test_nothing_is_sent_when_the_row_cannot_be_written() -> None:
    class BrokenLedger(MemoryLedger):
        async def begin(self, start: CallStart) -> None:
            raise OSError("database is away")

    world = World(ANSWER, ledger=BrokenLedger())
    with pytest.raises(OSError, match="database is away"):
        await world.complete()
    assert world.adapter.calls == []
    assert world.limiter.settled == [(150, 0)]
    assert world.gateway._windows[7].in_flight == 0


async def test_an_answer_survives_a_row_that_cannot_be_completed(caplog: pytest.LogCaptureFixture) -> None:
    class ForgetfulLedger(MemoryLedger):
        async def finish(self, start: CallStart, end: CallEnd) -> None:
            raise OSError("database is away")

    world = World(ANSWER, ledger=ForgetfulLedger())
    assert (await world.complete()).completion == ANSWER
    assert "could not be completed" in caplog.text
    assert world.gateway._windows[7].in_flight == 0


async def test_stop_is_asked_before_every_attempt() -> None:
    answers = iter([False, False, True])
    world = World(DOWN, forever=True)
    error = await world.failure(stop=lambda: next(answers), max_attempts=9)
    assert (error.kind, error.attempts) == (CallErrorKind.STOPPED, 1)
    assert len(world.adapter.calls) == 1


async def test_stop_during_the_wait_for_a_turn_is_heard() -> None:
    stopped = False

    def refusal() -> None:
        nonlocal stopped
        stopped = True

    world = World(ANSWER, limiter=FakeLimiter(refusal))
    error = await world.failure(stop=lambda: stopped)
    assert (error.kind, error.attempts) == (CallErrorKind.STOPPED, 0)
    assert (world.adapter.calls, world.ledger.rows) == ([], {})
    assert world.limiter.settled == [(150, 0)]


async def test_limiter_refusal_comes_through_without_a_row() -> None:
    full = fault(CallErrorKind.WAIT_TOO_LONG, CREDENTIAL, retry_after_s=33.0)
    world = World(ANSWER, limiter=FakeLimiter(lambda: full))
    error = await world.failure()
    assert (error.kind, error.retry_after_s, error.attempts) == (CallErrorKind.WAIT_TOO_LONG, 33.0, 0)
    assert (world.adapter.calls, world.ledger.rows) == ([], {})


async def test_expected_tokens_are_taken_and_then_corrected() -> None:
    world = World(ANSWER, DOWN, LATE)
    await world.complete()
    assert [tokens for tokens, _ in world.limiter.acquired] == [100 + 50]
    assert world.limiter.settled == [(150, 1_100)]
    await world.failure(max_attempts=1)
    assert world.limiter.settled[1:] == [(150, 0)], "a call that was turned down used no tokens"
    await world.failure(max_attempts=1)
    assert world.limiter.settled[2:] == [], "a call that was not answered may have used them all"


async def test_retry_after_pauses_the_connection_for_everybody() -> None:
    limited = fault(CallErrorKind.RATE_LIMITED, CREDENTIAL, status_code=429, retry_after_s=0.001)
    world = World(limited, ANSWER)
    assert (await world.complete()).attempts == 2
    assert world.limiter.paused == [0.001]


async def test_retry_after_beyond_the_longest_wait_ends_the_request_but_pauses() -> None:
    limited = fault(CallErrorKind.RATE_LIMITED, CREDENTIAL, status_code=429, retry_after_s=60.0)
    world = World(limited, ANSWER)
    error = await world.failure(max_wait_s=10.0)
    assert (error.kind, error.retry_after_s, error.attempts) == (CallErrorKind.RATE_LIMITED, 60.0, 1)
    assert world.limiter.paused == [60.0]


async def test_refusals_halve_the_calls_in_flight() -> None:
    limited = fault(CallErrorKind.RATE_LIMITED, CREDENTIAL, status_code=429)
    started = asyncio.Barrier(9)

    async def refused() -> None:
        await started.wait()
        raise limited

    world = World(refused, forever=True)
    calls = [asyncio.create_task(world.failure(max_attempts=1)) for _ in range(8)]
    await started.wait()
    await asyncio.gather(*calls)
    window = world.gateway._windows[7]
    assert (window.limit, window.in_flight) == (4.0, 0)


async def test_deadline_bounds_the_call() -> None:
    world = World(forever)
    error = await world.failure(deadline_s=0.02)
    assert (error.kind, error.attempts) == (CallErrorKind.TIMED_OUT, 1)
    assert world.states == ["error"]
    (_, timeout_s, _) = world.adapter.calls[0]
    assert round(timeout_s, 6) <= 0.02  # the clock of the loop is a float


async def test_connection_timeout_bounds_each_attempt() -> None:
    world = World(forever, forever, ANSWER)
    hasty = replace(CREDENTIAL, timeout_s=0.01)
    reply = await world.gateway.complete(hasty, REQUEST, CONTEXT)
    assert reply.attempts == 3
    assert [end.error_kind for end in world.ledger.ends] == ["timed_out", "timed_out", ""]


async def test_passed_deadline_sends_nothing_more() -> None:
    world = World(DOWN, forever=True)
    world.gateway._retry = RetryPolicy(base_s=100.0, cap_s=100.0)
    error = await world.failure(deadline_s=0.05)
    assert (error.kind, error.attempts) == (CallErrorKind.VENDOR_DOWN, 1)


async def test_cancelled_call_is_written_down_as_abandoned() -> None:
    world = World(forever)
    task = asyncio.create_task(world.complete())
    await world.adapter.called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (end,) = world.ledger.ends
    assert (end.state, end.cost_usd) == (CallState.ABANDONED, None)
    assert world.gateway._windows[7].in_flight == 0


async def test_row_is_completed_although_the_caller_insists_on_cancelling() -> None:
    finishing, go_on = asyncio.Event(), asyncio.Event()

    class SlowLedger(MemoryLedger):
        async def finish(self, start: CallStart, end: CallEnd) -> None:
            finishing.set()
            await go_on.wait()
            await super().finish(start, end)

    world = World(ANSWER, ledger=SlowLedger())
    task = asyncio.create_task(world.complete())
    await finishing.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.states == ["ok"]


async def test_cancelled_while_the_row_is_begun_sends_nothing() -> None:
    beginning, go_on = asyncio.Event(), asyncio.Event()

    class SlowLedger(MemoryLedger):
        async def begin(self, start: CallStart) -> None:
            beginning.set()
            await go_on.wait()
            await super().begin(start)

    world = World(ANSWER, ledger=SlowLedger())
    task = asyncio.create_task(world.complete())
    await beginning.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.adapter.calls == []
    assert world.states == ["abandoned"]
    assert world.limiter.settled == [(150, 0)]


async def test_stream_gives_pieces_and_then_the_reply() -> None:
    world = World(["y", "es", ANSWER])
    async with world.stream() as stream:
        *pieces, reply = [piece async for piece in stream]
    assert pieces == ["y", "es"]
    assert isinstance(reply, Reply)
    assert (reply.completion, reply.attempts, reply.cost_usd) == (ANSWER, 1, COST)
    assert reply.first_token_ms is not None and 0 <= reply.first_token_ms <= reply.latency_ms
    assert world.ledger.ends[0].first_token_ms == reply.first_token_ms


async def test_stream_is_tried_again_before_the_first_piece() -> None:
    world = World([DOWN], [LATE], ["yes", ANSWER])
    async with world.stream() as stream:
        pieces = [piece async for piece in stream]
    assert pieces[0] == "yes" and pieces[-1].attempts == 3
    assert world.states == ["error", "error", "ok"]


async def test_stream_is_never_tried_again_after_the_first_piece() -> None:
    world = World(["y", DOWN], ["yes", ANSWER])
    seen = []
    async with world.stream() as stream:
        with pytest.raises(ModelCallError) as caught:
            async for piece in stream:
                seen.append(piece)
    assert seen == ["y"]
    assert (caught.value.kind, caught.value.attempts) == (CallErrorKind.VENDOR_DOWN, 1)
    assert world.states == ["error"]
    assert len(world.adapter.calls) == 1


async def test_stream_without_a_completion_is_a_bad_answer() -> None:
    world = World(["y"])
    async with world.stream() as stream:
        with pytest.raises(ModelCallError) as caught:
            [piece async for piece in stream]
    assert caught.value.kind is CallErrorKind.BAD_ANSWER


async def test_leaving_a_stream_closes_it_and_writes_it_down_as_abandoned() -> None:
    world = World(["y", forever])
    async with world.stream() as stream:
        assert await anext(stream) == "y"
    assert world.adapter.streams_closed == 1
    (end,) = world.ledger.ends
    assert (end.state, end.cost_usd) == (CallState.ABANDONED, None)
    assert end.first_token_ms is not None
    assert world.gateway._windows[7].in_flight == 0


async def test_cancelling_the_reader_of_a_stream_closes_it() -> None:
    world = World(["y", forever])
    got = asyncio.Event()

    async def read() -> None:
        async with world.stream() as stream:
            async for _ in stream:
                got.set()

    reader = asyncio.create_task(read())
    await got.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert (world.adapter.streams_closed, world.states) == (1, ["abandoned"])


async def test_silence_in_a_stream_times_out() -> None:
    world = World(["y", forever])
    hasty = replace(CREDENTIAL, timeout_s=0.01)
    with pytest.raises(ModelCallError) as caught:
        async for _ in world.gateway.stream(hasty, REQUEST, CONTEXT):
            pass
    assert caught.value.kind is CallErrorKind.TIMED_OUT
    assert (world.adapter.streams_closed, world.states) == (1, ["error"])


async def test_clients_are_kept_and_closed_with_the_gateway() -> None:
    world = World(ANSWER, forever=True)
    async with world.gateway:
        await asyncio.gather(*(world.complete() for _ in range(5)))
        assert (world.adapter.opened, world.adapter.closed) == (1, 0)
    assert world.adapter.closed == 1


async def test_changed_key_opens_a_new_client_and_closes_the_old_one_after_its_last_call() -> None:
    go_on = asyncio.Event()

    async def held() -> Any:
        await go_on.wait()
        return ANSWER

    world = World(held, ANSWER)
    slow = asyncio.create_task(world.complete())
    await world.adapter.called.wait()
    await world.gateway.complete(replace(CREDENTIAL, api_key="sk-new-one"), REQUEST, CONTEXT)
    assert (world.adapter.opened, world.adapter.closed) == (2, 0)
    go_on.set()
    await slow
    assert world.adapter.closed == 1


async def test_unexpected_errors_of_ours_close_the_row_too() -> None:
    world = World(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await world.complete()
    assert world.states == ["error"]
