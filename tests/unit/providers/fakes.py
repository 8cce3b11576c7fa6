"""Adapters, ledgers and limiters for the gateway's own tests: small real classes with a script."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

from llmops.providers.base import ChatRequest, Completion, Credential, Message, ModelCallError, Usage, Vendor
from llmops.providers.calls import CallContext, CallPurpose

CREDENTIAL = Credential(7, "main", Vendor.OPENAI, "", "sk-1234567890", timeout_s=5.0)
REQUEST = ChatRequest("model-1", (Message("user", "x" * 400),), max_tokens=50)
CONTEXT = CallContext(project_id=1, purpose=CallPurpose.RUN, run_id=2)
ANSWER = Completion("yes", "model-1-b", "stop", Usage(1_000, 100, 400), "r-1")

Step = Any


class FakeAdapter:
    """Plays one step a call: a Completion is answered, an exception raised, a coroutine function awaited;
    a list is streamed, with the steps inside."""

    def __init__(self, steps: Iterable[Step], *, forever: bool = False) -> None:
        self._steps = list(steps)
        self._forever = forever
        self.calls: list[tuple[ChatRequest, float, int]] = []
        self.opened = 0
        self.closed = 0
        self.streams_closed = 0
        self.called = asyncio.Event()

    def __call__(self, credential: Credential) -> "FakeAdapter":
        return self

    async def __aenter__(self) -> "FakeAdapter":
        self.opened += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed += 1

    def _next(self) -> Step:
        return self._steps[0] if self._forever else self._steps.pop(0)

    async def complete(self, request: ChatRequest, *, timeout_s: float, attempt: int = 1) -> Completion:
        self.calls.append((request, timeout_s, attempt))
        self.called.set()
        return await played(self._next())

    async def stream(
        self, request: ChatRequest, *, timeout_s: float, attempt: int = 1
    ) -> AsyncGenerator[str | Completion, None]:
        self.calls.append((request, timeout_s, attempt))
        self.called.set()
        try:
            for step in self._next():
                yield await played(step)
        finally:
            self.streams_closed += 1


async def played(step: Step) -> Any:
    if isinstance(step, BaseException):
        raise step
    if callable(step):
        return await step()
    return step


async def forever() -> Any:
    await asyncio.Event().wait()


class FakeLimiter:
    """Grants everything, or raises what it is told to, and remembers what was asked."""

    def __init__(self, refusal: Callable[[], ModelCallError | None] = lambda: None) -> None:
        self._refusal = refusal
        self.acquired: list[tuple[int, float]] = []
        self.settled: list[tuple[int, int]] = []
        self.paused: list[float] = []

    async def acquire(self, credential: Credential, *, tokens: int, max_wait_s: float) -> None:
        refusal = self._refusal()
        if refusal is not None:
            raise refusal
        self.acquired.append((tokens, max_wait_s))

    async def settle(self, credential: Credential, *, reserved: int, used: int) -> None:
        self.settled.append((reserved, used))

    async def pause(self, credential: Credential, *, seconds: float) -> None:
        self.paused.append(seconds)
