"""Rate limits over a real Redis: several workers, pauses, and Redis going away (RELIABILITY R3)."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from llmops.providers.base import CallErrorKind, Credential, ModelCallError, Vendor
from llmops.providers.buckets import Rate
from llmops.providers.limits import RedisLimiter, limit_state

FREE = Credential(7, "main", Vendor.OPENAI, "", "sk-1234567890")


def limited(**limits: int) -> Credential:
    return replace(FREE, **limits)


@pytest.fixture
async def client(redis_client: redis.Redis) -> AsyncIterator[AsyncRedis]:
    async with AsyncRedis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


async def taken(limiter: RedisLimiter, credential: Credential, *, tokens: int = 1, max_wait_s: float = 0.0) -> float:
    """0.0 when granted at once, else the seconds the refusal says."""
    try:
        await limiter.acquire(credential, tokens=tokens, max_wait_s=max_wait_s)
    except ModelCallError as error:
        assert error.kind is CallErrorKind.WAIT_TOO_LONG
        assert error.retry_after_s is not None and error.retry_after_s > 0
        return error.retry_after_s
    return 0.0


async def test_burst_is_granted_and_the_next_call_is_told_how_long_to_wait(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    slow = limited(requests_per_minute=60)
    waits = [await taken(limiter, slow) for _ in range(4)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3] == pytest.approx(1 / Rate.per_minute(60).per_s, abs=0.2)


async def test_refused_calls_take_nothing(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    slow = limited(requests_per_minute=20)
    assert await taken(limiter, slow) == 0.0
    waits = [await taken(limiter, slow) for _ in range(20)]
    assert max(waits) <= 3.0


async def test_workers_share_one_bucket(client: AsyncRedis) -> None:
    slow = limited(requests_per_minute=200)
    async with AsyncRedis.from_url(os.environ["REDIS_URL"]) as second:
        workers = [RedisLimiter(client), RedisLimiter(second)]
        granted = [await taken(workers[turn % 2], slow) == 0.0 for turn in range(40)]
    assert 10 <= sum(granted) <= 11, "a tenth of 200 a minute over both workers, and what came in meanwhile"


async def test_waiting_callers_are_let_through_one_after_the_other(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    fast = limited(requests_per_minute=1_200)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def call() -> float:
        await limiter.acquire(fast, tokens=1, max_wait_s=5.0)
        return loop.time() - began

    moments = sorted([*await asyncio.gather(*(call() for _ in range(66)))])
    rate = Rate.per_minute(1_200)
    for number, moment in enumerate(moments):
        assert moment >= (number + 1 - rate.burst) / rate.per_s - 0.005, f"call {number} went too early"
    assert moments[-1] < 2.0


async def test_tokens_are_limited_and_corrected(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    slow = limited(tokens_per_minute=6_000)
    assert await taken(limiter, slow, tokens=300) == 0.0
    assert await taken(limiter, slow, tokens=100) == pytest.approx(1.0, abs=0.2)
    await limiter.settle(slow, reserved=300, used=100)
    assert await taken(limiter, slow, tokens=100) == 0.0
    await limiter.settle(slow, reserved=100, used=600)
    assert await taken(limiter, slow, tokens=1) > 3.5


async def test_call_larger_than_the_burst_is_possible(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    slow = limited(tokens_per_minute=1_000)
    assert await taken(limiter, slow, tokens=900) == 0.0
    assert await taken(limiter, slow, tokens=1) > 40


async def test_pause_holds_for_every_worker_and_is_never_shortened(client: AsyncRedis) -> None:
    for credential in (FREE, limited(requests_per_minute=6_000)):
        first, second = RedisLimiter(client), RedisLimiter(client)
        await first.pause(credential, seconds=30.0)
        await second.pause(credential, seconds=5.0)
        for worker in (first, second):
            assert 29.0 < await taken(worker, credential, max_wait_s=10.0) <= 30.1
        other = replace(credential, connection_id=8)
        assert await taken(first, other) == 0.0
        await client.flushdb()


async def test_nothing_comes_in_during_a_pause(client: AsyncRedis) -> None:
    """Otherwise a paused connection would be called by everybody at once the moment the pause ends."""
    limiter = RedisLimiter(client)
    slow = limited(requests_per_minute=20)
    assert await taken(limiter, slow) == 0.0
    await limiter.pause(slow, seconds=30.0)
    assert await taken(limiter, slow) == pytest.approx(30.0 + 3.0, abs=0.3)


async def test_pause_that_begins_while_a_caller_waits_holds_for_it_too(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    slow = limited(requests_per_minute=600)
    while await taken(limiter, slow) == 0.0:
        pass
    waiting = asyncio.create_task(limiter.acquire(slow, tokens=1, max_wait_s=1.0))
    await asyncio.sleep(0)
    await limiter.pause(slow, seconds=30.0)
    with pytest.raises(ModelCallError) as caught:
        await waiting
    assert caught.value.retry_after_s is not None and caught.value.retry_after_s > 20


async def test_caller_that_gives_up_gives_back(client: AsyncRedis) -> None:
    asleep = asyncio.Semaphore(0)

    class Watched(RedisLimiter):
        async def _sleep(self, credential: Credential, tokens: int, wait_s: float) -> None:
            asleep.release()
            await super()._sleep(credential, tokens, wait_s)

    limiter = Watched(client)
    slow = limited(requests_per_minute=20)
    assert await taken(limiter, slow) == 0.0
    before = await taken(limiter, slow)
    waiting = [asyncio.create_task(limiter.acquire(slow, tokens=1, max_wait_s=60.0)) for _ in range(5)]
    for _ in waiting:
        await asleep.acquire()
    assert await taken(limiter, slow) > 15.0
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await taken(limiter, slow) <= before


async def test_unlimited_connections_ask_redis_only_now_and_then(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    before = (await client.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    for _ in range(50):
        await limiter.acquire(FREE, tokens=1, max_wait_s=0.0)
    after = (await client.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert after - before <= 3


async def test_calls_that_start_together_ask_redis_once(client: AsyncRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter, asked, ask = RedisLimiter(client), [], client.evalsha
    await limiter.acquire(replace(FREE, connection_id=8), tokens=1, max_wait_s=0.0)  # loads the script
    monkeypatch.setattr(client, "evalsha", lambda *args: asked.append(args) or ask(*args))
    await asyncio.gather(*(limiter.acquire(FREE, tokens=1, max_wait_s=0.0) for _ in range(50)))
    assert len(asked) == 1


async def test_a_pause_refuses_all_calls_that_start_together(client: AsyncRedis) -> None:
    await RedisLimiter(client).pause(FREE, seconds=30.0)
    limiter = RedisLimiter(client)
    waits = await asyncio.gather(*(taken(limiter, FREE, max_wait_s=1.0) for _ in range(20)))
    assert min(waits) > 29.0


async def test_own_pause_is_heard_at_once_by_unlimited_connections(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    assert await taken(limiter, FREE) == 0.0
    await limiter.pause(FREE, seconds=30.0)
    assert await taken(limiter, FREE) > 29.0


async def test_limit_state_for_pages(client: AsyncRedis, redis_client: redis.Redis) -> None:
    limiter = RedisLimiter(client)
    slow = limited(requests_per_minute=60, tokens_per_minute=6_000)
    fresh = limit_state(redis_client, 7, 60, 6_000)
    assert (fresh.paused_for_s, fresh.next_request_in_s, fresh.next_tokens_in_s, fresh.known) == (
        0,
        0,
        0,
        True,
    )
    while await taken(limiter, slow, tokens=400) == 0.0:
        pass
    state = limit_state(redis_client, 7, 60, 6_000)
    assert state.paused_for_s == 0.0
    assert 0.5 < state.next_tokens_in_s < 12.0
    assert limit_state(redis_client, 7, None, None).next_tokens_in_s == 0.0
    await limiter.pause(slow, seconds=30.0)
    paused = limit_state(redis_client, 7, 60, 6_000)
    assert 29.0 < paused.paused_for_s <= 30.0
    assert paused.next_request_in_s >= paused.paused_for_s
    assert paused.next_tokens_in_s > paused.paused_for_s
    assert limit_state(redis_client, 7, 60, 6_000).next_tokens_in_s == pytest.approx(paused.next_tokens_in_s, abs=0.2)


# -- Redis away


class FlakyLink:
    """A proxy before Redis that can be cut and mended, so that a test needs no Redis of its own."""

    def __init__(self) -> None:
        self._target = urlsplit(os.environ["REDIS_URL"])
        self._tasks: set[asyncio.Task[None]] = set()
        self.up = True

    async def __aenter__(self) -> "FlakyLink":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        password = f":{self._target.password}@" if self._target.password else ""
        self.url = f"redis://{password}127.0.0.1:{port}{self._target.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()
        self._server.close()
        await self._server.wait_closed()

    async def cut(self) -> None:
        self.up = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError):
            if self.up:
                there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
                try:
                    await asyncio.gather(_pump(reader, back), _pump(there, writer))
                finally:
                    back.close()
        self._tasks.discard(task)
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_without_redis_each_process_keeps_to_its_share(redis_client: redis.Redis) -> None:
    slow = limited(requests_per_minute=240)
    async with FlakyLink() as link, AsyncRedis.from_url(link.url) as client:
        limiter = RedisLimiter(client, processes=4)
        assert await taken(limiter, slow) == 0.0
        await link.cut()
        waits = [await taken(limiter, slow, max_wait_s=0.0) for _ in range(20)]
        assert min(waits) > 0.0, "buckets start empty, so that a restart grants nothing extra"
        share = Rate.per_minute(240 / 4)
        assert waits[0] == pytest.approx(1 / share.per_s, abs=0.1)
        await limiter.acquire(FREE, tokens=1, max_wait_s=0.0)
        await limiter.pause(FREE, seconds=30.0)
        assert await taken(limiter, FREE) > 29.0


async def test_redis_that_comes_back_is_used_again(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops.providers.limits._RETRY_REDIS_AFTER_S", 0.0)
    slow = limited(requests_per_minute=1_200)
    async with FlakyLink() as link, AsyncRedis.from_url(link.url) as client:
        limiter = RedisLimiter(client)
        await link.cut()
        assert await taken(limiter, slow) > 0.0
        link.up = True
        assert await taken(limiter, slow) == 0.0
        assert redis_client.exists("llmops:limit:{7}")


async def test_flushed_redis_goes_on(client: AsyncRedis) -> None:
    limiter = RedisLimiter(client)
    slow = limited(requests_per_minute=20)
    assert await taken(limiter, slow) == 0.0
    assert await taken(limiter, slow) > 0.0
    await client.flushdb()
    await client.script_flush()
    assert await taken(limiter, slow) == 0.0


def test_limit_state_says_when_it_does_not_know() -> None:
    with redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)) as nobody:
        assert limit_state(nobody, 7, 60, None).known is False
