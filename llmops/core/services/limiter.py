"""The rate limiter that all workers and web processes share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio
from django.conf import settings

from llmops.providers.gateway import Limiter
from llmops.providers.limits import RedisLimiter


@asynccontextmanager
async def open_limiter() -> AsyncIterator[Limiter]:
    """A limiter for this event loop."""
    client = redis.asyncio.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
    try:
        # Web processes call models as well: for Try it, and to test a connection.
        yield RedisLimiter(client, processes=settings.WORKER_PROCESSES + settings.WEB_PROCESSES)
    finally:
        await client.aclose()
