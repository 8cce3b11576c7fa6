"""Working on one claimed row: ask for its answer, have it marked, and put what comes of it into the harvest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from evals_app.choices import ResultState
from evals_app.engine import Sample
from evals_app.services.harvest_ledger import HarvestLedger, LedgerClosed
from evals_app.services.harvests import (
    MOST_TOKENS,
    Answered,
    Finished,
    GivenBack,
    Harvest,
    ScoredRow,
    storable,
)
from evals_app.services.leases import Claimed, given_up, last_try
from evals_app.services.marking import mark_answer, pause_asked, was_not_sent
from evals_app.services.plans import RunPlan
from llmops.providers.base import ModelCallError
from llmops.providers.gateway import CallContext, CallPurpose, Gateway, Reply
from prompts_app.rendering import BrokenTemplate, MissingVariable, RenderedTooLong
from prompts_app.services import version_request

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
LONGEST_PAUSE_S = 86_400.0
GAVE_UP = "The worker died each time this case was tried. It was given up so that the others could finish."
BROKEN = "Something went wrong inside the platform. The worker's log says what."


@dataclass(slots=True)
class RowWork:
    """One row and what is needed to finish it. `stop` is asked before every attempt."""

    claimed: Claimed
    plan: RunPlan
    gateway: Gateway
    harvest: Harvest
    ledger: HarvestLedger
    stop: Callable[[], bool]
    answered: bool = False
    cost_usd: Decimal | None = Decimal(0)
    """What was spent and not put into the harvest yet; None: not known."""

    async def run(self) -> float:
        """Finish the row or give it back. Returns for how many seconds its run had better rest."""
        self.answered = self.claimed.answered
        try:
            if given_up(self.claimed):
                self._end(ResultState.ERROR, error_kind="gave_up", reason=GAVE_UP)
            else:
                await self._answer_and_mark()
        except ModelCallError as error:
            return self._give_back_or_end(error)
        except (MissingVariable, BrokenTemplate, RenderedTooLong) as problem:
            self._end(ResultState.ERROR, error_kind="cannot_render", reason=str(problem))
        except LedgerClosed:
            pass  # the pump is ending; the lease runs out
        except Exception:
            log.exception("Result %s could not be worked on.", self.claimed.result_id)
            self._end(ResultState.ERROR, error_kind="internal_error", reason=BROKEN)
        finally:
            self.ledger.release(self.claimed.result_id)
        return 0.0

    async def _answer_and_mark(self) -> None:
        output = self.claimed.output if self.answered else await self._answer()
        sample = Sample(
            self.claimed.inputs,
            output,
            self.claimed.expected,
            self.claimed.reference,
            self.claimed.previous,
            self.claimed.feedback,
        )
        for evaluator in self.plan.evaluators:
            if evaluator.version_id in self.claimed.scored_by:
                continue
            marked = await mark_answer(
                evaluator,
                sample,
                gateway=self.gateway,
                context=self._context(CallPurpose.JUDGE, evaluator_version_id=evaluator.version_id),
                stop=self.stop,
                postpone=not last_try(self.claimed),
            )
            self._spend(marked.cost_usd)
            self.harvest.scored.append(ScoredRow(self.claimed.result_id, marked.score))
            self.ledger.release(self.claimed.result_id)
        self._end(ResultState.DONE)

    async def _answer(self) -> str:
        plan = self.plan
        if plan.version is None or plan.target is None:
            raise RuntimeError("only a row with an uploaded answer has nobody to ask")
        reply = await self.gateway.complete(
            plan.target.credential,
            version_request(plan.version, inputs=self.claimed.inputs, model=plan.target.model),
            self._context(CallPurpose.RUN),
            max_attempts=max(1, MOST_ATTEMPTS - self.claimed.n_attempts),
            stop=self.stop,
        )
        answer = _answered(self.claimed.result_id, reply)
        self.harvest.answered.append(answer)
        self.ledger.release(self.claimed.result_id)
        self.answered = True
        return answer.output

    def _give_back_or_end(self, error: ModelCallError) -> float:
        self._spend(error.cost_usd)
        n_attempts = 0 if self.answered else error.attempts
        wait_s = min(error.retry_after_s or 0.0, LONGEST_PAUSE_S)
        if was_not_sent(error) or (
            pause_asked(error) and (self.answered or self.claimed.n_attempts + n_attempts < MOST_ATTEMPTS)
        ):
            # What a judge was asked for in vain is not counted with the row, so such a lease counts as a try.
            tried = self.answered and not was_not_sent(error)
            self.harvest.given_back.append(GivenBack(self.claimed.result_id, wait_s, tried, n_attempts, self.cost_usd))
            return wait_s
        kind, reason = str(error.kind), error.message
        self._end(ResultState.ERROR, error_kind=kind, reason=reason, n_attempts=n_attempts)
        return 0.0

    def _end(self, state: ResultState, *, error_kind: str = "", reason: str = "", n_attempts: int = 0) -> None:
        self.harvest.finished.append(
            Finished(self.claimed.result_id, state, error_kind, reason, n_attempts, self.cost_usd)
        )

    def _spend(self, cost_usd: Decimal | None) -> None:
        self.cost_usd = None if self.cost_usd is None or cost_usd is None else self.cost_usd + cost_usd

    def _context(self, purpose: CallPurpose, *, evaluator_version_id: int | None = None) -> CallContext:
        return CallContext(
            project_id=self.plan.project_id,
            purpose=purpose,
            run_id=self.claimed.run_id,
            result_id=self.claimed.result_id,
            prompt_version_id=self.plan.version.pk if self.plan.version else None,
            evaluator_version_id=evaluator_version_id,
        )


def _answered(result_id: int, reply: Reply) -> Answered:
    completion, usage = reply.completion, reply.completion.usage
    return Answered(
        result_id=result_id,
        output=storable(completion.text),
        finish_reason=storable(completion.finish_reason),
        latency_ms=reply.latency_ms,
        input_tokens=min(usage.input_tokens, MOST_TOKENS) if usage else None,
        output_tokens=min(usage.output_tokens, MOST_TOKENS) if usage else None,
        n_attempts=reply.attempts,
        cost_usd=reply.cost_usd,
    )
