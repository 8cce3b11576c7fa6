"""Trying a metric on one answer, before it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from evals_app.choices import ScoreState
from evals_app.engine import KINDS, Mark, Sample, mark
from evals_app.models import EvaluatorVersion
from evals_app.services.marking import mark_answer
from evals_app.services.plans import PlannedEvaluator, Target
from llmops.core.encryption import KeyLost
from llmops.core.models import Project, User
from llmops.core.services.trying import open_gateway
from llmops.providers.base import ModelCallError
from llmops.providers.gateway import CallContext, CallPurpose


@dataclass(frozen=True, slots=True)
class TriedMark:
    """A mark, and what asking for it cost: nothing for code, None when the price is not known."""

    mark: Mark
    cost_usd: Decimal | None = Decimal(0)
    n_calls: int = 0


async def evaluator_try(draft: EvaluatorVersion, sample: Sample, *, project: Project, user: User) -> TriedMark:
    """Mark one answer with an evaluator, stored or not. A judge is asked once; its call is in the ledger.

    What goes wrong is a mark with its reason.
    """
    kind = draft.evaluator.kind
    if not KINDS[kind].uses_model:
        return TriedMark(mark(kind, draft.config, sample))
    if draft.connection is None:
        reason = "No model is chosen yet, so nobody can judge. Choose a connection and a model."
        return TriedMark(Mark(ScoreState.UNSCORED, reason=reason))
    context = CallContext(project.pk, CallPurpose.TRY_IT, user_id=user.pk)
    try:
        async with open_gateway(draft.connection, draft.model) as (gateway, credential):
            planned = PlannedEvaluator(0, kind, draft.config, Target(credential, draft.model, None))
            marked = await mark_answer(planned, sample, gateway=gateway, context=context, stop=lambda: False)
    except (ModelCallError, KeyLost) as error:
        return TriedMark(Mark(ScoreState.ERROR, reason=f"The judge could not be asked: {error}"))
    return TriedMark(marked.score.mark, marked.cost_usd, marked.n_attempts)
