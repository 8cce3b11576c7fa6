"""Rate limits of connections, shared by all workers."""

from __future__ import annotations

from llmops.providers.base import Credential


class Unlimited:
    """A limiter without limits, for a machine without Redis and for tests."""

    async def acquire(self, credential: Credential, *, tokens: int, max_wait_s: float) -> None:
        return None

    async def settle(self, credential: Credential, *, reserved: int, used: int) -> None:
        return None

    async def pause(self, credential: Credential, *, seconds: float) -> None:
        return None
