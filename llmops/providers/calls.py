"""The records around a call: who asked and why, its price, its ledger row, and the reply. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from llmops.providers.base import Completion, Credential, Usage


class CallPurpose(StrEnum):
    RUN = "run"
    JUDGE = "judge"
    TRY_IT = "try_it"
    CONNECTION_TEST = "connection_test"


class CallState(StrEnum):
    """How an attempt ended; `abandoned` means that nobody waited for the answer any more."""

    OK = "ok"
    ERROR = "error"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class CallContext:
    project_id: int
    purpose: CallPurpose
    run_id: int | None = None
    result_id: int | None = None
    prompt_version_id: int | None = None
    evaluator_version_id: int | None = None
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, as of one catalogue; `source` says which."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_input_usd_per_mtok: Decimal | None
    source: str

    def cost_usd(self, usage: Usage) -> Decimal:
        """Exact cost of these tokens; cached input costs as other input when it has no price of its own."""
        cached = self.input_usd_per_mtok if self.cached_input_usd_per_mtok is None else self.cached_input_usd_per_mtok
        fresh_tokens = usage.input_tokens - usage.cached_input_tokens
        total = (
            fresh_tokens * self.input_usd_per_mtok
            + usage.cached_input_tokens * cached
            + usage.output_tokens * self.output_usd_per_mtok
        )
        return total / 1_000_000


PriceOf = Callable[[Credential, str], Price | None]


@dataclass(frozen=True, slots=True)
class CallStart:
    """One attempt, before anything is sent. `attempt` counts from 1 within a request; times are UTC."""

    id: uuid.UUID
    started_at: datetime
    context: CallContext
    connection_id: int
    vendor: str
    model: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How the attempt ended. `cost_usd` is None when the price or the token count is not known, and zero
    for a call that the vendor turned down."""

    state: CallState
    finished_at: datetime
    latency_ms: int
    first_token_ms: int | None
    usage: Usage | None
    cost_usd: Decimal | None
    price: Price | None
    error_kind: str
    error_message: str
    status_code: int | None
    retry_after_s: float | None
    finish_reason: str
    response_model: str
    response_id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request. `cost_usd` adds up all attempts, as far as the vendor counted them, and is
    None when the price or the tokens of the answer are not known; the latencies are those of the attempt
    that answered, and `call_id` is its ledger row."""

    completion: Completion
    attempts: int
    cost_usd: Decimal | None
    latency_ms: int
    first_token_ms: int | None
    call_id: uuid.UUID


class Ledger(Protocol):
    """Where attempts are written down. One row per attempt, whatever happens to it."""

    async def begin(self, start: CallStart) -> None:
        """Returns once the row is committed; nothing is sent before that, or if it raises."""
        ...

    async def finish(self, start: CallStart, end: CallEnd) -> None:
        """Completes the row. May batch; called exactly once for every begin that returned."""
        ...


class Limiter(Protocol):
    """Grants calls of a connection at the pace that its limits allow, over all workers."""

    async def acquire(self, credential: Credential, *, tokens: int, max_wait_s: float) -> None:
        """Waits for one request and `tokens` tokens. Raises ModelCallError (wait_too_long, with
        retry_after_s) when that would take longer than `max_wait_s`; then nothing is taken."""
        ...

    async def settle(self, credential: Credential, *, reserved: int, used: int) -> None:
        """Corrects the estimate of acquire by what was really used."""
        ...

    async def pause(self, credential: Credential, *, seconds: float) -> None:
        """Nobody calls this connection for so long."""
        ...
