"""Rate limits of connections, shared by all workers through Redis.

Each connection has a bucket of requests and one of tokens. Whoever wants to call takes from both at once
and is told how long to wait, so that there is no polling and nobody overtakes; what would have to wait too
long takes nothing. While Redis cannot be reached, each process keeps to its share of the limits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import redis
from redis.asyncio import Redis as AsyncRedis

from llmops.providers.base import CallErrorKind, Credential
from llmops.providers.buckets import Bucket, Rate
from llmops.providers.faults import fault
from llmops.providers.local_share import LocalShare

logger = logging.getLogger(__name__)

_UNREACHABLE = (redis.RedisError, OSError, TimeoutError)
_REDIS_PATIENCE_S = 2.0
_RETRY_REDIS_AFTER_S = 2.0
_PAUSE_SEEN_FOR_S = 0.25

# KEYS: bucket hash, pause key. ARGV: n and rate of requests, n and rate of tokens (burst, per second; a
# rate of 0 means no limit), longest wait in ms. Answers the wait in ms, and 1 when it was taken. With n = 0
# only the pause counts.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local pause = redis.call('PTTL', KEYS[2])
local paused_until = pause > 0 and now + pause / 1000 or 0
local wait = pause > 0 and pause / 1000 or 0
local fields = {}
for i, name in ipairs({'requests', 'tokens'}) do
  local n, burst, per_s = tonumber(ARGV[i*3-2]), tonumber(ARGV[i*3-1]), tonumber(ARGV[i*3])
  if per_s > 0 and n > 0 then
    local stored = redis.call('HMGET', KEYS[1], name, name .. '_at')
    local level, at = tonumber(stored[1]) or burst, tonumber(stored[2]) or now
    if now > at then level = level + (now - at) * per_s; at = now end
    level = math.min(level, burst)
    at = math.max(at, paused_until)
    wait = math.max(wait, math.max(0, at - now) + math.max(0, math.min(n, burst) - level) / per_s)
    fields[#fields+1] = {name, level - n, at}
  end
end
local wait_ms = math.ceil(wait * 1000)
if wait_ms > tonumber(ARGV[7]) then return {wait_ms, 0} end
for _, field in ipairs(fields) do
  redis.call('HSET', KEYS[1], field[1], string.format('%.6f', field[2]),
             field[1] .. '_at', string.format('%.6f', field[3]))
end
if #fields > 0 then redis.call('PEXPIRE', KEYS[1], wait_ms + 120000) end
return {wait_ms, 1}
"""

# KEYS: bucket hash. ARGV: requests and tokens to give back (negative: to take besides).
_GIVE_BACK = """
for i, name in ipairs({'requests', 'tokens'}) do
  local n = tonumber(ARGV[i])
  if n ~= 0 and redis.call('HEXISTS', KEYS[1], name) == 1 then
    redis.call('HINCRBYFLOAT', KEYS[1], name, n)
  end
end
"""


@dataclass(frozen=True, slots=True)
class LimitState:
    """Seconds until this connection may be called again, seen from now; 0.0 means at once. `known` is
    False when Redis could not be asked."""

    paused_for_s: float
    next_request_in_s: float
    next_tokens_in_s: float
    known: bool = True


class Unlimited:
    """A limiter without limits, for a machine without Redis and for tests."""

    async def acquire(self, credential: Credential, *, tokens: int, max_wait_s: float) -> None:
        return None

    async def settle(self, credential: Credential, *, reserved: int, used: int) -> None:
        return None

    async def pause(self, credential: Credential, *, seconds: float) -> None:
        return None


class RedisLimiter:
    """The limits of all connections, over all workers. `processes` is how many share them while Redis
    is away. One per event loop, as its client."""

    def __init__(self, client: AsyncRedis, *, processes: int = 2) -> None:
        self._client = client
        self._take = client.register_script(_TAKE)
        self._give_back = client.register_script(_GIVE_BACK)
        self._local = LocalShare(processes)
        self._away_until = 0.0
        self._not_paused_until: dict[int, float] = {}
        self._asking: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def acquire(self, credential: Credential, *, tokens: int, max_wait_s: float) -> None:
        until = _now() + max_wait_s
        if _limited(credential):
            wait_s = await self._taken(credential, 1, tokens, max_wait_s)
        else:
            wait_s = await self._pause_left(credential, max_wait_s)
        while wait_s > 0.0:
            await self._sleep(credential, tokens, wait_s)
            # A pause that began meanwhile holds for those who already had their turn.
            wait_s = await self._taken(credential, 0, 0, max(0.0, until - _now()), had=(1, tokens))

    async def settle(self, credential: Credential, *, reserved: int, used: int) -> None:
        if credential.tokens_per_minute and reserved != used:
            await self._returned(credential, 0, reserved - used)

    async def pause(self, credential: Credential, *, seconds: float) -> None:
        self._not_paused_until.pop(credential.connection_id, None)
        self._local.pause(credential, _now() + seconds)
        await self._redis(self._lengthen_pause(credential.connection_id, round(seconds * 1000)))

    async def _taken(
        self,
        credential: Credential,
        requests: int,
        tokens: int,
        max_wait_s: float,
        had: tuple[int, int] = (0, 0),
    ) -> float:
        """Takes and returns the seconds to wait. Raises wait_too_long, and then gives back what was `had`."""
        keys = [_bucket_key(credential.connection_id), _pause_key(credential.connection_id)]
        args = [requests, *_rate_args(credential.requests_per_minute)]
        args += [tokens, *_rate_args(credential.tokens_per_minute), int(max_wait_s * 1000)]
        answer = await self._redis(self._take(keys=keys, args=args))
        if answer is None:
            wait_s, granted = self._local.take(credential, requests, tokens, max_wait_s, _now())
        else:
            wait_s, granted = answer[0] / 1000, bool(answer[1])
        if not granted:
            await self._returned(credential, *had)
            raise fault(CallErrorKind.WAIT_TOO_LONG, credential, retry_after_s=wait_s)
        if wait_s == 0.0 and not _limited(credential):
            self._not_paused_until[credential.connection_id] = _now() + _PAUSE_SEEN_FOR_S
        return wait_s

    async def _pause_left(self, credential: Credential, max_wait_s: float) -> float:
        """Seconds that a connection without limits is still paused. Of calls that start together one asks Redis, and
        the others hear of it. Raises wait_too_long."""
        async with self._asking[credential.connection_id]:
            if self._not_paused_until.get(credential.connection_id, 0.0) > _now():
                return 0.0
            return await self._taken(credential, 1, 0, max_wait_s)

    async def _sleep(self, credential: Credential, tokens: int, wait_s: float) -> None:
        try:
            await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            await asyncio.shield(self._returned(credential, 1, tokens))
            raise

    async def _returned(self, credential: Credential, requests: int, tokens: int) -> None:
        if not _limited(credential) or (requests, tokens) == (0, 0):
            return
        key = _bucket_key(credential.connection_id)
        if await self._redis(self._give_back(keys=[key], args=[requests, tokens])) is None:
            self._local.give_back(credential, requests, tokens)

    async def _lengthen_pause(self, connection_id: int, millis: int) -> None:
        """Never shortens a pause that another worker asked for."""
        key = _pause_key(connection_id)
        if not await self._client.set(key, 1, px=max(1, millis), nx=True):
            await self._client.pexpire(key, max(1, millis), gt=True)

    async def _redis(self, work: Any) -> Any:
        """What Redis answers, or None while it cannot be reached; asked again only after a while."""
        if self._away_until > _now():
            work.close()
            return None
        try:
            async with asyncio.timeout(_REDIS_PATIENCE_S):
                answer = await work
        except _UNREACHABLE as error:
            logger.warning("Redis is away (%s); limits are kept per process meanwhile", type(error).__name__)
            self._away_until = _now() + _RETRY_REDIS_AFTER_S
            return None
        return True if answer is None else answer


def limit_state(
    client: redis.Redis, connection_id: int, requests_per_minute: int | None, tokens_per_minute: int | None
) -> LimitState:
    """How long a call of this connection would wait now, for pages. Takes nothing. Give it a client with
    short time-outs and few retries, so that pages still come when Redis is away."""
    try:
        with client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.pttl(_pause_key(connection_id))
            pipe.hgetall(_bucket_key(connection_id))
            (seconds, micros), pause_ms, stored = pipe.execute()
    except _UNREACHABLE:
        return LimitState(0.0, 0.0, 0.0, known=False)
    now = seconds + micros / 1_000_000
    fields = {_text(name): float(value) for name, value in stored.items()}
    pause_s = max(0, pause_ms) / 1000
    return LimitState(
        paused_for_s=pause_s,
        next_request_in_s=max(pause_s, _next_in_s(fields, "requests", requests_per_minute, now, pause_s)),
        next_tokens_in_s=max(pause_s, _next_in_s(fields, "tokens", tokens_per_minute, now, pause_s)),
    )


def _limited(credential: Credential) -> bool:
    return bool(credential.requests_per_minute or credential.tokens_per_minute)


def _rate_args(limit: int | None) -> list[float]:
    if not limit:
        return [0.0, 0.0]
    rate = Rate.per_minute(limit)
    return [rate.burst, rate.per_s]


def _next_in_s(fields: dict[str, float], name: str, limit: int | None, now: float, pause_s: float) -> float:
    if not limit or name not in fields:
        return 0.0
    rate = Rate.per_minute(limit)
    bucket = Bucket(fields[name], fields[f"{name}_at"])
    bucket.refill(rate, now, now + pause_s)
    return bucket.wait_s(rate, 1, now)


def _bucket_key(connection_id: int) -> str:
    return f"llmops:limit:{{{connection_id}}}"


def _pause_key(connection_id: int) -> str:
    return f"llmops:pause:{{{connection_id}}}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _now() -> float:
    return asyncio.get_running_loop().time()
