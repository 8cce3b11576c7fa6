"""Marking one answer with one evaluator: by code, or by asking a judge."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from evals_app.choices import ScoreSource, ScoreState
from evals_app.engine import KINDS, Mark, Sample, mark
from evals_app.engine.scorers.rubric import judge_mark, judge_messages
from evals_app.services.plans import PlannedEvaluator
from evals_app.services.saving import NewScore
from llmops.providers.base import CallErrorKind, ChatRequest, ModelCallError
from llmops.providers.gateway import CallContext, Gateway

JUDGE_MAX_TOKENS = 700


@dataclass(frozen=True, slots=True)
class Marked:
    """A new score, and what asking for it cost (None: price not known)."""

    score: NewScore
    cost_usd: Decimal | None = Decimal(0)
    n_attempts: int = 0


async def mark_answer(
    evaluator: PlannedEvaluator, sample: Sample, *, gateway: Gateway, context: CallContext, stop: object
) -> Marked:
    """Mark an answer. A failed judge call is an ERROR score with its reason, an unreadable one UNSCORED.

    Raises ModelCallError only when the run was stopped or a rate limit takes too long: then nothing is lost by
    asking again later.
    """
    if not KINDS[evaluator.kind].uses_model:
        return Marked(NewScore(evaluator.version_id, ScoreSource.CODE, mark(evaluator.kind, evaluator.config, sample)))
    if evaluator.judge is None:
        reason = "No model is chosen for this metric. Open the metric and choose one."
        return Marked(NewScore(evaluator.version_id, ScoreSource.JUDGE, Mark(ScoreState.UNSCORED, None, "", reason)))
    request = ChatRequest(
        model=evaluator.judge.model,
        messages=judge_messages(evaluator.config, sample),
        temperature=0.0,
        max_tokens=JUDGE_MAX_TOKENS,
    )
    try:
        reply = await gateway.complete(evaluator.judge.credential, request, context, stop=stop)  # type: ignore[arg-type]
    except ModelCallError as error:
        if error.kind in (CallErrorKind.STOPPED, CallErrorKind.WAIT_TOO_LONG):
            raise
        failed = Mark(ScoreState.ERROR, None, "", f"The judge could not be asked: {error.message}")
        return Marked(
            NewScore(evaluator.version_id, ScoreSource.JUDGE, failed), error.cost_usd, error.attempts
        )
    judged = judge_mark(evaluator.config, reply.completion.text)
    return Marked(NewScore(evaluator.version_id, ScoreSource.JUDGE, judged), reply.cost_usd, reply.attempts)
