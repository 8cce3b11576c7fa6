"""The single call site: every call to a model goes through `Gateway`, whoever makes it."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import Self

from llmops.outbound import OutboundPolicy
from llmops.providers.adapters import AdapterFactory, AdapterPool, OpenAdapter
from llmops.providers.attempt import Attempt
from llmops.providers.base import CallErrorKind, ChatRequest, Completion, Credential, ModelCallError, model_name
from llmops.providers.calls import (
    CallContext,
    CallEnd,
    CallPurpose,
    CallStart,
    CallState,
    Ledger,
    Limiter,
    Price,
    PriceOf,
    Reply,
)
from llmops.providers.faults import fault
from llmops.providers.flight import FlightWindow
from llmops.providers.job import Job
from llmops.providers.retry import RetryPolicy, retry_wait_s

__all__ = [
    "CallContext",
    "CallEnd",
    "CallPurpose",
    "CallStart",
    "CallState",
    "Gateway",
    "Ledger",
    "Limiter",
    "Price",
    "PriceOf",
    "Reply",
]


class Gateway:
    """Calls models: credential, limits, retries, deadline, price and ledger in one place.

    One per event loop, used as an async context manager; it keeps one vendor client per connection.
    Every attempt is one ledger row, committed before anything is sent and completed whatever happens.
    Without `outbound`, only public addresses and the local model are called.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        limiter: Limiter,
        price_of: PriceOf,
        rng: random.Random | None = None,
        retry: RetryPolicy | None = None,
        outbound: OutboundPolicy | None = None,
        open_adapter: OpenAdapter | None = None,
    ) -> None:
        self._ledger = ledger
        self._limiter = limiter
        self._price_of = price_of
        self._rng = rng or random.Random()
        self._retry = retry or RetryPolicy()
        self._adapters = AdapterPool(open_adapter or AdapterFactory(outbound or OutboundPolicy()))
        self._windows: defaultdict[int, FlightWindow] = defaultdict(FlightWindow)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._adapters.close()

    async def complete(
        self,
        credential: Credential,
        request: ChatRequest,
        context: CallContext,
        *,
        deadline_s: float = 120.0,
        max_attempts: int = 3,
        max_wait_s: float = 10.0,
        stop: Callable[[], bool] | None = None,
    ) -> Reply:
        """The model's answer, after at most `max_attempts` attempts and `deadline_s` seconds in all.

        `max_wait_s` bounds each wait for a rate limit. `stop` is asked before every attempt; once it
        says yes, nothing more is sent. Raises ModelCallError with `.attempts` and `.cost_usd` filled in.
        What the ledger's begin raises comes through as it is; then nothing was sent.
        """
        job = self._job(credential, request, context, deadline_s, max_attempts, max_wait_s, stop)
        while True:
            try:
                async with self._attempt(job) as attempt:
                    attempt.completion = await attempt.whole_answer()
                return attempt.reply()
            except ModelCallError as error:
                failure = error
            await self._wait_or_raise(job, failure)

    async def stream(
        self,
        credential: Credential,
        request: ChatRequest,
        context: CallContext,
        *,
        deadline_s: float = 120.0,
        max_attempts: int = 3,
        max_wait_s: float = 10.0,
        stop: Callable[[], bool] | None = None,
    ) -> AsyncGenerator[str | Reply, None]:
        """Pieces of the answer as they come, then the Reply, last. As `complete`, but what fails after
        the first piece is not tried again. Leaving early closes the call to the vendor: use `aclosing`."""
        job = self._job(credential, request, context, deadline_s, max_attempts, max_wait_s, stop)
        while True:
            attempt = self._attempt(job)
            try:
                async with attempt, aclosing(attempt.pieces()) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Completion):
                            attempt.completion = piece
                        else:
                            yield piece
                failure = None
            except ModelCallError as error:
                failure = error
            if failure is None:
                yield attempt.reply()
                return
            if attempt.first_token_ms is not None:
                raise job.blamed(failure)
            await self._wait_or_raise(job, failure)

    def _job(
        self,
        credential: Credential,
        request: ChatRequest,
        context: CallContext,
        deadline_s: float,
        max_attempts: int,
        max_wait_s: float,
        stop: Callable[[], bool] | None,
    ) -> Job:
        if request.model != (model := model_name(credential.vendor, request.model)):
            request = replace(request, model=model)
        return Job(
            credential=credential,
            request=request,
            context=context,
            price=self._price_of(credential, request.model),
            deadline_at=asyncio.get_running_loop().time() + deadline_s,
            max_attempts=max_attempts,
            max_wait_s=max_wait_s,
            stop=stop or _never,
        )

    def _attempt(self, job: Job) -> Attempt:
        window = self._windows[job.credential.connection_id]
        return Attempt(job, self._ledger, self._limiter, window, self._adapters)

    async def _wait_or_raise(self, job: Job, error: ModelCallError) -> None:
        """Returns when the next attempt is due, or raises the error when there is to be none."""
        if error.kind in (CallErrorKind.RATE_LIMITED, CallErrorKind.VENDOR_DOWN) and error.retry_after_s:
            await self._limiter.pause(job.credential, seconds=error.retry_after_s)
        wait_s = retry_wait_s(
            error,
            attempt=job.attempts,
            max_attempts=job.max_attempts,
            left_s=job.left_s(),
            max_wait_s=job.max_wait_s,
            policy=self._retry,
            rng=self._rng,
        )
        if wait_s is None:
            raise job.blamed(error)
        if job.stop():
            raise job.blamed(fault(CallErrorKind.STOPPED, job.credential))
        await asyncio.sleep(wait_s)


def _never() -> bool:
    return False
