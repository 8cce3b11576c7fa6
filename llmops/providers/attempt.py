"""One call: what is taken before it is sent, and given back and written down after it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from llmops.ids import uuid7
from llmops.providers.adapters import AdapterPool, SharedAdapter
from llmops.providers.base import Adapter, CallErrorKind, Completion, ModelCallError
from llmops.providers.calls import CallEnd, CallStart, CallState, Ledger, Limiter, Reply
from llmops.providers.faults import fault
from llmops.providers.flight import FlightWindow
from llmops.providers.job import Job, expected_tokens

logger = logging.getLogger(__name__)


class Attempt:
    """An async context around one call: entering waits for a place, the limits and the ledger; leaving
    gives all of it back and completes the ledger row, also when the caller is cancelled."""

    def __init__(self, job: Job, ledger: Ledger, limiter: Limiter, window: FlightWindow, adapters: AdapterPool) -> None:
        self.start: CallStart | None = None
        self.completion: Completion | None = None
        self.first_token_ms: int | None = None
        self.latency_ms = 0
        self._job = job
        self._ledger = ledger
        self._limiter = limiter
        self._window = window
        self._adapters = adapters
        self._shared: SharedAdapter | None = None
        self._reserved = 0
        self._place: int | None = None
        self._sent_at = 0.0

    async def __aenter__(self) -> Self:
        try:
            self._ask_stop()
            await self._wait_for_turn()
            self._ask_stop()
            self._shared = await self._adapters.take(self._job.credential)
            await self._begin()
        except BaseException:
            await _to_the_end(self._give_back(used=0))
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.latency_ms = _ms_since(self._sent_at)
        await _to_the_end(self._finish(error))

    def reply(self) -> Reply:
        """The reply to the request, once this attempt has brought the answer."""
        completion, job = self.completion, self._job
        if completion is None:
            raise RuntimeError("an attempt without an answer has no reply")
        known = job.price is not None and completion.usage is not None
        return Reply(
            completion=completion,
            attempts=job.attempts,
            cost_usd=job.spent_usd if known else None,
            latency_ms=self.latency_ms,
            first_token_ms=self.first_token_ms,
            call_id=self._begun().id,
        )

    async def whole_answer(self) -> Completion:
        """The answer in one piece. Raises ModelCallError, also when it takes too long."""
        limit_s = self._limit_s()
        try:
            async with asyncio.timeout(limit_s):
                return await self._adapter.complete(self._job.request, timeout_s=limit_s, attempt=self._job.attempts)
        except TimeoutError:
            pass
        raise self._timed_out()

    async def pieces(self) -> AsyncGenerator[str | Completion, None]:
        """The answer piece by piece: each within the time the connection allows, all within the deadline."""
        last: str | Completion = ""
        async with aclosing(self._stream()) as stream:
            while True:
                piece = await self._next(stream)
                if piece is None:
                    break
                if isinstance(piece, str) and self.first_token_ms is None:
                    self.first_token_ms = _ms_since(self._sent_at)
                last = piece
                yield piece
        if isinstance(last, str):
            raise fault(
                CallErrorKind.BAD_ANSWER,
                self._job.credential,
                detail="The answer ended before it was complete.",
            )

    def _stream(self) -> AsyncGenerator[str | Completion, None]:
        return self._adapter.stream(self._job.request, timeout_s=self._limit_s(), attempt=self._job.attempts)

    async def _next(self, stream: AsyncGenerator[str | Completion, None]) -> str | Completion | None:
        try:
            async with asyncio.timeout(self._limit_s()):
                return await anext(stream, None)
        except TimeoutError:
            pass
        raise self._timed_out()

    @property
    def _adapter(self) -> Adapter:
        if self._shared is None:
            raise RuntimeError("the attempt was not entered")
        return self._shared.adapter

    def _limit_s(self) -> float:
        return max(0.0, min(self._job.credential.timeout_s, self._job.left_s()))

    def _timed_out(self) -> ModelCallError:
        return fault(CallErrorKind.TIMED_OUT, self._job.credential, model=self._job.request.model)

    def _ask_stop(self) -> None:
        if self._job.stop():
            raise fault(CallErrorKind.STOPPED, self._job.credential)

    async def _wait_for_turn(self) -> None:
        """A place in the window of this process, then a grant of the limiter. Raises wait_too_long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + max(0.0, min(self._job.max_wait_s, self._job.left_s()))
        try:
            self._place = await self._window.enter(until - loop.time())
        except TimeoutError:
            self._place = None
        if self._place is None:
            raise fault(CallErrorKind.WAIT_TOO_LONG, self._job.credential, retry_after_s=1.0)
        tokens = expected_tokens(self._job.request)
        await self._limiter.acquire(self._job.credential, tokens=tokens, max_wait_s=max(0.0, until - loop.time()))
        self._reserved = tokens

    async def _begin(self) -> None:
        self._job.attempts += 1
        start = CallStart(
            id=uuid7(),
            started_at=datetime.now(UTC),
            context=self._job.context,
            connection_id=self._job.credential.connection_id,
            vendor=str(self._job.credential.vendor),
            model=self._job.request.model,
            attempt=self._job.attempts,
        )
        self._sent_at = time.perf_counter()
        try:
            await _to_the_end(self._write_start(start))
        except BaseException as error:
            self._job.attempts -= 1
            if self.start is not None:
                await _to_the_end(self._write_end(self._end(error)))
            raise
        self._sent_at = time.perf_counter()

    async def _finish(self, error: BaseException | None) -> None:
        if error is None:
            self._window.answered()
        elif isinstance(error, ModelCallError) and error.kind is CallErrorKind.RATE_LIMITED and self._place:
            self._window.refused(self._place)
        end = self._end(error)
        self._job.spent_usd += end.cost_usd or 0
        used = self._job.tokens_used(end.usage, error)
        try:
            await self._write_end(end)
        finally:
            await self._give_back(used=self._reserved if used is None else used)

    async def _write_start(self, start: CallStart) -> None:
        await self._ledger.begin(start)
        self.start = start

    async def _write_end(self, end: CallEnd) -> None:
        """An answer that was paid for is not thrown away because its row could not be completed: the row
        then stays open and shows as an orphan."""
        start = self._begun()
        try:
            await self._ledger.finish(start, end)
        except Exception:
            logger.exception("ledger row %s could not be completed", start.id)

    def _begun(self) -> CallStart:
        if self.start is None:
            raise RuntimeError("the attempt was not entered")
        return self.start

    async def _give_back(self, *, used: int) -> None:
        try:
            if self._reserved != used and self._reserved:
                await self._limiter.settle(self._job.credential, reserved=self._reserved, used=used)
        finally:
            if self._place is not None:
                self._window.leave()
            if self._shared is not None:
                await self._shared.give_back()

    def _end(self, error: BaseException | None) -> CallEnd:
        completion = self.completion
        failure = error if isinstance(error, ModelCallError) else None
        usage = completion.usage if completion else failure.usage if failure else None
        return CallEnd(
            state=_state(error, answered=completion is not None),
            finished_at=datetime.now(UTC),
            latency_ms=self.latency_ms,
            first_token_ms=self.first_token_ms,
            usage=usage,
            cost_usd=self._job.cost_usd(usage, error),
            price=self._job.price,
            error_kind=str(failure.kind) if failure else "",
            error_message=failure.message if failure else "",
            status_code=failure.status_code if failure else None,
            retry_after_s=failure.retry_after_s if failure else None,
            finish_reason=completion.finish_reason if completion else "",
            response_model=completion.model if completion else "",
            response_id=completion.response_id if completion else "",
        )


def _state(error: BaseException | None, *, answered: bool) -> CallState:
    if error is None:
        return CallState.OK
    if isinstance(error, Exception):
        return CallState.ERROR
    return CallState.OK if answered else CallState.ABANDONED


def _ms_since(moment: float) -> int:
    return round((time.perf_counter() - moment) * 1000)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Lets `work` finish although the caller is cancelled meanwhile; the cancellation is raised after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as cancellation:
            cancelled = cancellation
    if cancelled is not None:
        task.exception()
        raise cancelled
    task.result()
