"""Marking one answer with one evaluator: by code, or by asking a judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from evals_app.choices import ScoreSource, ScoreState
from evals_app.engine import KINDS, Mark, Sample, mark
from evals_app.engine.scorers.rubric import judge_mark, judge_messages, judge_schema
from evals_app.services.harvests import NewScore, storable
from evals_app.services.plans import PlannedEvaluator
from llmops.providers.base import CallErrorKind, ChatRequest, ModelCallError, Vendor
from llmops.providers.gateway import CallContext, Gateway

JUDGE_MAX_TOKENS = 2000

HELD_TO_SCHEMA = frozenset({Vendor.OPENAI, Vendor.LOCAL})
"""Vendors whose answers can be held to a JSON Schema without doubt; the others are asked for JSON in words."""
SLOW_KINDS = frozenset({"regex", "json_schema"})
"""Kinds that hostile settings can make take most of a second: marked aside, so that calls and leases go on."""

_ASIDE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="marking")  # one: their time limits are wall-clock
NO_JUDGE = "No model is chosen for this metric. Open the metric and choose one."


@dataclass(frozen=True, slots=True)
class Marked:
    """A new score, what asking for it cost (None: price not known), and the call that brought it, if any."""

    score: NewScore
    cost_usd: Decimal | None = Decimal(0)
    n_attempts: int = 0
    call_id: UUID | None = None


async def mark_answer(
    evaluator: PlannedEvaluator,
    sample: Sample,
    *,
    gateway: Gateway,
    context: CallContext,
    stop: Callable[[], bool],
    postpone: bool = False,
) -> Marked:
    """Mark an answer. A failed judge call is an ERROR score with its reason, an unreadable one UNSCORED.

    Raises ModelCallError only when the run was stopped or a rate limit takes too long, and, if the caller can
    `postpone` it, when the vendor asks for a longer pause: then nothing is lost by asking again later.
    """
    if not KINDS[evaluator.kind].uses_model:
        return Marked(NewScore(evaluator.version_id, ScoreSource.CODE, await _by_code(evaluator, sample)))
    if evaluator.judge is None:
        return _judged(evaluator, Mark(ScoreState.UNSCORED, None, "", evaluator.problem or NO_JUDGE))
    request = ChatRequest(
        model=evaluator.judge.model,
        messages=judge_messages(evaluator.config, sample),
        temperature=0.0,
        max_tokens=JUDGE_MAX_TOKENS,
        output_schema=judge_schema(evaluator.config) if evaluator.judge.credential.vendor in HELD_TO_SCHEMA else None,
    )
    try:
        reply = await gateway.complete(evaluator.judge.credential, request, context, stop=stop)
    except ModelCallError as error:
        if was_not_sent(error) or (postpone and pause_asked(error)):
            raise
        failed = Mark(ScoreState.ERROR, None, "", f"The judge could not be asked: {error.message}")
        return _judged(evaluator, failed, error.cost_usd, error.attempts)
    mark_given = judge_mark(evaluator.config, storable(reply.completion.text))
    return _judged(evaluator, mark_given, reply.cost_usd, reply.attempts, reply.call_id)


def was_not_sent(error: ModelCallError) -> bool:
    """Whether the last thing that happened is that we ourselves held the call back."""
    return error.kind in (CallErrorKind.STOPPED, CallErrorKind.WAIT_TOO_LONG)


def pause_asked(error: ModelCallError) -> bool:
    """Whether the vendor asked for a pause before the next attempt, which the gateway found too long to sit out."""
    return error.retryable and error.retry_after_s is not None


async def _by_code(evaluator: PlannedEvaluator, sample: Sample) -> Mark:
    if evaluator.kind not in SLOW_KINDS:
        return mark(evaluator.kind, evaluator.config, sample)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_ASIDE, mark, evaluator.kind, evaluator.config, sample)


def _judged(
    evaluator: PlannedEvaluator,
    mark: Mark,
    cost_usd: Decimal | None = Decimal(0),
    n_attempts: int = 0,
    call_id: UUID | None = None,
) -> Marked:
    return Marked(NewScore(evaluator.version_id, ScoreSource.JUDGE, mark), cost_usd, n_attempts, call_id)
