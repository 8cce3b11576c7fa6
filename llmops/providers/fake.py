"""The practice vendor: models that need no key and no network, and answer the same way every time."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

from llmops.providers.banker import banker_answer
from llmops.providers.base import (
    CallErrorKind,
    ChatRequest,
    Completion,
    Credential,
    Usage,
)
from llmops.providers.faults import fault

_CHARS_PER_TOKEN = 4
_FLAWS = (
    (CallErrorKind.RATE_LIMITED, 429),
    (CallErrorKind.VENDOR_DOWN, 529),
    (CallErrorKind.TIMED_OUT, None),
    (CallErrorKind.BAD_ANSWER, 200),
)


def practice_delay_s(model: str) -> float:
    """How long this practice model takes for an answer, in seconds."""
    name, _, argument = model.partition(":")
    return int(argument) / 1000 if name == "slow" and argument.isdecimal() else 0.0


class PracticeAdapter:
    """`echo` repeats the last user message, `fixed:<text>` says the text, `slow:<ms>` echoes after so many
    milliseconds, `flaky:<percent>` echoes but fails at that rate, decided by the request and the attempt,
    `banker` answers as the support assistant of a bank."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def complete(self, request: ChatRequest, *, timeout_s: float, attempt: int = 1) -> Completion:
        text = await self._answer(request, timeout_s, attempt)
        return Completion(
            text=text,
            model=request.model,
            finish_reason="stop",
            usage=_usage(request, text),
            response_id="practice-" + _digest(request, attempt).hex()[:16],
        )

    async def stream(
        self, request: ChatRequest, *, timeout_s: float, attempt: int = 1
    ) -> AsyncGenerator[str | Completion, None]:
        completion = await self.complete(request, timeout_s=timeout_s, attempt=attempt)
        for word in _words(completion.text):
            yield word
        yield completion

    async def _answer(self, request: ChatRequest, timeout_s: float, attempt: int) -> str:
        name, _, argument = request.model.partition(":")
        match name:
            case "echo" if not argument:
                return _last_user_text(request)
            case "fixed":
                return argument
            case "slow" if argument.isdecimal():
                return await self._slow(request, practice_delay_s(request.model), timeout_s)
            case "flaky" if argument.isdecimal() and int(argument) <= 100:
                return self._flaky(request, int(argument), attempt)
            case "banker" if not argument:
                return banker_answer(request.messages)
            case _:
                raise fault(CallErrorKind.NO_SUCH_MODEL, self._credential, model=request.model, status_code=404)

    async def _slow(self, request: ChatRequest, delay_s: float, timeout_s: float) -> str:
        await asyncio.sleep(min(delay_s, timeout_s))
        if delay_s > timeout_s:
            raise fault(CallErrorKind.TIMED_OUT, self._credential, model=request.model)
        return _last_user_text(request)

    def _flaky(self, request: ChatRequest, percent: int, attempt: int) -> str:
        dice = _digest(request, attempt)
        if int.from_bytes(dice[:8]) * 100 < percent << 64:
            kind, status = _FLAWS[dice[8] % len(_FLAWS)]
            raise fault(kind, self._credential, model=request.model, status_code=status)
        return _last_user_text(request)


def _last_user_text(request: ChatRequest) -> str:
    return next((message.content for message in reversed(request.messages) if message.role == "user"), "")


def _usage(request: ChatRequest, text: str) -> Usage:
    return Usage(
        input_tokens=_tokens(sum(len(message.content) for message in request.messages)),
        output_tokens=_tokens(len(text)),
    )


def _tokens(chars: int) -> int:
    return -(-chars // _CHARS_PER_TOKEN)


def _words(text: str) -> list[str]:
    """The text cut before every space, so that the pieces add up to it."""
    first, *rest = text.split(" ")
    return [piece for piece in (first, *(" " + word for word in rest)) if piece]


def _digest(request: ChatRequest, attempt: int) -> bytes:
    content = [request.model, request.seed, attempt, [[m.role, m.content] for m in request.messages]]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()
