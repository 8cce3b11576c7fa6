"""What a call to a model is made of, and how it can fail. Pure: no framework, no network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self


class Vendor(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    COHERE = "cohere"
    OPENAI_COMPATIBLE = "openai_compatible"
    LOCAL = "local"
    PRACTICE = "practice"


LOCAL_MODEL = "smollm2-135m-instruct"
"""The one model that the vendor `local` has."""
PRACTICE_MODELS = ("echo", "banker", "fixed:Hello!", "slow:500", "flaky:20")
"""One of each kind that the vendor `practice` has; what stands behind a colon may be another text or number."""


def model_name(vendor: Vendor | str, typed: str) -> str:
    """The model as its vendor names it: that of `local`, which is ours, in whatever capitals it was typed."""
    return LOCAL_MODEL if vendor == Vendor.LOCAL and typed.lower() == LOCAL_MODEL else typed


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked of a model. `None` and empty mean: not sent, the vendor's own default holds.

    `output_schema` is the JSON Schema that the answer must follow; `extra` holds parameters in the
    vendor's own words, which are put into the request as they are and win over ours.
    """

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    output_schema: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the vendor counted them. `cached_input_tokens` are part of `input_tokens`."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `finish_reason` is stop, length, content_filter, tool_call or other; `usage` is None
    when the server did not count."""

    text: str
    model: str
    finish_reason: str
    usage: Usage | None
    response_id: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """What an adapter needs to know of a connection. Hashable, so that clients can be kept by it."""

    connection_id: int
    name: str
    vendor: Vendor
    base_url: str
    api_key: str = field(repr=False)
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    timeout_s: float = 60.0


class CallErrorKind(StrEnum):
    WRONG_KEY = "wrong_key"
    NO_SUCH_MODEL = "no_such_model"
    OVER_QUOTA = "over_quota"
    RATE_LIMITED = "rate_limited"
    TOO_LONG = "too_long"
    CONTENT_REFUSED = "content_refused"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    BAD_ANSWER = "bad_answer"
    VENDOR_DOWN = "vendor_down"
    BAD_REQUEST = "bad_request"
    PRIVATE_ADDRESS = "private_address"
    WAIT_TOO_LONG = "wait_too_long"
    STOPPED = "stopped"


RETRYABLE_KINDS = frozenset(
    {
        CallErrorKind.RATE_LIMITED,
        CallErrorKind.TIMED_OUT,
        CallErrorKind.UNREACHABLE,
        CallErrorKind.BAD_ANSWER,
        CallErrorKind.VENDOR_DOWN,
    }
)


class ModelCallError(Exception):
    """A call that brought no answer. `message` is for people: what happened and what to do.

    `retryable` says whether the same request may succeed when made again. `usage` is set when the
    vendor counted tokens although there is no answer. `attempts` and `cost_usd` cover the whole
    request and are filled in by the gateway. Neither the message nor the exception holds the key.
    """

    def __init__(
        self,
        kind: CallErrorKind,
        message: str,
        *,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        status_code: int | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retryable = kind in RETRYABLE_KINDS if retryable is None else retryable
        self.retry_after_s = retry_after_s
        self.status_code = status_code
        self.usage = usage
        self.attempts = 0
        self.cost_usd: Decimal | None = None

    def __str__(self) -> str:
        return self.message


class Adapter(Protocol):
    """One vendor, bound to one credential and one event loop. Raises nothing but ModelCallError.

    `timeout_s` is the longest silence of the server that is borne; the gateway bounds the whole call.
    `attempt` counts from 1; only the practice vendor lets its answer depend on it.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def complete(self, request: ChatRequest, *, timeout_s: float, attempt: int = 1) -> Completion: ...

    def stream(
        self, request: ChatRequest, *, timeout_s: float, attempt: int = 1
    ) -> AsyncGenerator[str | Completion, None]:
        """Pieces of the text as they come, then exactly one Completion, last."""
        ...
