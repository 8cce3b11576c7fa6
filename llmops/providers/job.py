"""A request on its way through its attempts: what was asked, until when, and what it has cost so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from llmops.providers.base import ChatRequest, Credential, ModelCallError, Usage
from llmops.providers.calls import CallContext, Price

_CHARS_PER_TOKEN = 4
_UNBOUNDED_ANSWER_TOKENS = 500


@dataclass(slots=True)
class Job:
    """One request. `deadline_at` is a time of the event loop; `spent_usd` adds up what is known."""

    credential: Credential
    request: ChatRequest
    context: CallContext
    price: Price | None
    deadline_at: float
    max_attempts: int
    max_wait_s: float
    stop: Callable[[], bool]
    attempts: int = 0
    spent_usd: Decimal = field(default_factory=Decimal)

    def left_s(self) -> float:
        return self.deadline_at - asyncio.get_running_loop().time()

    def cost_usd(self, usage: Usage | None, error: BaseException | None) -> Decimal | None:
        """What an attempt cost: nothing when the vendor turned it down, unknown without a price, and when
        it was sent and nobody counted."""
        if self.price is None:
            return None
        if usage is not None:
            return self.price.cost_usd(usage)
        return Decimal(0) if turned_down(error) else None

    def tokens_used(self, usage: Usage | None, error: BaseException | None) -> int | None:
        """What an attempt took of the limit of tokens; None when nobody counted."""
        if usage is not None:
            return usage.input_tokens + usage.output_tokens
        return 0 if turned_down(error) else None

    def blamed(self, error: ModelCallError) -> ModelCallError:
        """The same error with what the whole request took and cost."""
        error.attempts = self.attempts
        error.cost_usd = None if self.price is None else self.spent_usd
        return error


def turned_down(error: BaseException | None) -> bool:
    """True when the vendor answered with an error status: it did no work."""
    return isinstance(error, ModelCallError) and (error.status_code or 0) >= 400


def expected_tokens(request: ChatRequest) -> int:
    """A rough guess of the tokens a request will take, for the limiter: four characters a token, plus the
    longest answer allowed. The vendor's count corrects it afterwards."""
    chars = sum(len(message.content) for message in request.messages)
    return chars // _CHARS_PER_TOKEN + (request.max_tokens or _UNBOUNDED_ANSWER_TOKENS)
