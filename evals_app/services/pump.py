"""The pump: an asyncio loop that claims planned results, asks the models and saves what comes back.

One pump serves all runs at once, so a small run need not wait for a big one. It keeps calls in flight with one
vendor client per connection and saves in batches: one visit to the database saves what has come in, then claims
what fits. It ends after its time or when nothing is left; the tick starts the next one.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from evals_app.choices import ResultState, RunState
from evals_app.engine import Sample
from evals_app.models import Run
from evals_app.services.leases import Claimed, GivenBack, given_up, leases_renew, results_claim
from evals_app.services.marking import mark_answer
from evals_app.services.plans import RunPlan, run_plan
from evals_app.services.saving import Answered, Finished, Harvest, NewScore, harvest_save
from evals_app.services.states import runs_settle
from llmops.core.encryption import KeyLost
from llmops.core.services import WORKER, heartbeat
from llmops.core.services.connections import outbound_policy
from llmops.providers.adapters import AdapterFactory
from llmops.providers.base import CallErrorKind, Credential, ModelCallError
from llmops.providers.gateway import (
    CallContext,
    CallEnd,
    CallPurpose,
    CallStart,
    Gateway,
    Limiter,
    Price,
)
from prompts_app.rendering import BrokenTemplate, MissingVariable, RenderedTooLong
from prompts_app.services import version_request

log = logging.getLogger(__name__)
T = TypeVar("T")

GATHER_S = 0.01
IDLE_S = 0.5
DATABASE_PATIENCE_S = 25.0
RUN_GONE = frozenset({RunState.STOPPING, RunState.STOPPED, RunState.FAILED})


class Visit(NamedTuple):
    """What a visit to the database brought back."""

    claimed: list[Claimed]
    plans: dict[int, RunPlan | str]
    stopped: frozenset[int]


@dataclass(slots=True)
class PumpReport:
    """What a pump did: rows finished, and whether it ended with work left."""

    n_finished: int = 0
    more: bool = False


class _HarvestLedger:
    """Writes attempts down with the pump's next visit; `begin` waits for it."""

    def __init__(self, harvest: Harvest, wake: asyncio.Event) -> None:
        self._harvest = harvest
        self._wake = wake
        self._saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def begin(self, start: CallStart) -> None:
        self._harvest.begun.append(start)
        self._wake.set()
        await asyncio.shield(self._saved)

    async def finish(self, start: CallStart, end: CallEnd) -> None:
        self._harvest.ended.append((start, end))

    def next_batch(self) -> asyncio.Future[None]:
        """The future that the attempts noted so far wait for; later ones wait for another."""
        batch, self._saved = self._saved, asyncio.get_running_loop().create_future()
        return batch


class Pump:
    """Drives all open runs for a while. Make one for each event loop; `limiter` is shared by all workers."""

    def __init__(self, *, limiter: Limiter, most_in_flight: int | None = None) -> None:
        self.owner = uuid.uuid4()
        self.most_in_flight = most_in_flight or settings.MOST_IN_FLIGHT
        self.report = PumpReport()
        self._limiter = limiter
        self._harvest = Harvest()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._plans: dict[int, RunPlan | str] = {}
        self._stopped: frozenset[int] = frozenset()
        self._prices: dict[tuple[int, str], Price | None] = {}
        self._ledger = _HarvestLedger(self._harvest, self._wake)

    async def drive(self, *, for_s: float) -> PumpReport:
        """Claim, ask and save until nothing is left or `for_s` seconds are over; then let calls in flight end."""
        loop = asyncio.get_running_loop()
        end_at = loop.time() + for_s
        renew_at = 0.0
        async with Gateway(
            ledger=self._ledger,
            limiter=self._limiter,
            price_of=self._price_of,
            open_adapter=AdapterFactory(outbound_policy()),
        ) as gateway:
            while True:
                free = self.most_in_flight - len(self._tasks) if loop.time() < end_at else 0
                renew = loop.time() >= renew_at
                if renew:
                    renew_at = loop.time() + settings.LEASE_S / 3
                visit = await self._visit(free, renew=renew)
                for claimed in visit.claimed:
                    self._start(claimed, gateway)
                if not self._tasks and not self._harvest:
                    self.report.more = loop.time() >= end_at
                    return self.report
                await self._something_to_do()

    async def _something_to_do(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_S)
        except TimeoutError:
            return
        if not self._harvest.begun:
            await asyncio.sleep(GATHER_S)  # let answers that come together be saved together

    async def _visit(self, free: int, *, renew: bool) -> Visit:
        """Save the harvest, then claim. A lost database is waited for, with nothing thrown away."""
        self._wake.clear()
        harvest, batch = self._take_harvest()
        active = {claimed for claimed in self._plans}
        give_up_at = asyncio.get_running_loop().time() + DATABASE_PATIENCE_S
        while True:
            try:
                visit = await sync_to_async(self._visit_database)(harvest, free, active, renew)
                break
            except (OperationalError, InterfaceError) as lost:
                if asyncio.get_running_loop().time() > give_up_at:
                    batch.set_exception(lost)
                    raise
                await sync_to_async(close_old_connections)()
                await asyncio.sleep(0.5)
        batch.set_result(None)
        self.report.n_finished += len(harvest.finished)
        self._plans |= visit.plans
        self._stopped = visit.stopped
        for plan in visit.plans.values():
            self._learn_prices(plan)
        return visit

    def _take_harvest(self) -> tuple[Harvest, asyncio.Future[None]]:
        taken = Harvest(
            self._harvest.begun[:],
            self._harvest.ended[:],
            self._harvest.answered[:],
            self._harvest.finished[:],
            self._harvest.given_back[:],
        )
        for rows in (
            self._harvest.begun,
            self._harvest.ended,
            self._harvest.answered,
            self._harvest.finished,
            self._harvest.given_back,
        ):
            rows.clear()
        return taken, self._ledger.next_batch()

    def _visit_database(self, harvest: Harvest, free: int, known: set[int], renew: bool) -> Visit:
        if harvest:
            harvest_save(harvest, owner=self.owner)
        if harvest.finished or harvest.given_back:
            runs_settle({end.run_id for end in harvest.finished} | known)
        if renew:
            leases_renew(owner=self.owner)
            heartbeat(WORKER)
        claimed = results_claim(owner=self.owner, most=free)
        new_runs = {row.run_id for row in claimed} - known
        states = dict(Run.objects.filter(pk__in=known | new_runs).values_list("pk", "state"))
        return Visit(
            claimed=claimed,
            plans={run_id: _load_plan(run_id) for run_id in new_runs},
            stopped=frozenset(run_id for run_id, state in states.items() if RunState(state) in RUN_GONE),
        )

    def _learn_prices(self, plan: RunPlan | str) -> None:
        if isinstance(plan, str):
            return
        judges = [evaluator.judge for evaluator in plan.evaluators]
        for target in [plan.target, *judges]:
            if target is not None:
                self._prices[(target.credential.connection_id, target.model)] = target.price

    def _price_of(self, credential: Credential, model: str) -> Price | None:
        return self._prices.get((credential.connection_id, model))

    def _start(self, claimed: Claimed, gateway: Gateway) -> None:
        task = asyncio.create_task(self._finish_row(claimed, gateway))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _finish_row(self, claimed: Claimed, gateway: Gateway) -> None:
        plan = self._plans[claimed.run_id]
        if isinstance(plan, str):
            self._end(claimed, None, ResultState.ERROR, error_kind="cannot_start", reason=plan)
            return
        if given_up(claimed):
            reason = "The worker died each time this case was tried. It was given up so that the others could finish."
            self._end(claimed, plan, ResultState.ERROR, error_kind="gave_up", reason=reason)
            return
        try:
            await self._answer_and_mark(claimed, plan, gateway)
        except ModelCallError as error:
            self._give_back_or_end(claimed, plan, error)
        except (MissingVariable, BrokenTemplate, RenderedTooLong) as problem:
            self._end(claimed, plan, ResultState.ERROR, error_kind="cannot_render", reason=str(problem))
        except Exception:
            log.exception("Result %s could not be worked on.", claimed.result_id)
            reason = "Something went wrong inside the platform. The worker's log says what."
            self._end(claimed, plan, ResultState.ERROR, error_kind="internal_error", reason=reason)

    async def _answer_and_mark(self, claimed: Claimed, plan: RunPlan, gateway: Gateway) -> None:
        output, cost_usd, n_attempts = claimed.output, Decimal(0), 0
        unknown_cost = False
        if not claimed.answered:
            assert plan.version is not None and plan.target is not None  # noqa: S101  only uploads lack them
            reply = await gateway.complete(
                plan.target.credential,
                version_request(plan.version, inputs=claimed.inputs, model=plan.target.model),
                self._context(claimed, plan, CallPurpose.RUN),
                stop=self._stop(claimed.run_id),
            )
            completion = reply.completion
            output, n_attempts = completion.text, reply.attempts
            unknown_cost = reply.cost_usd is None
            cost_usd += reply.cost_usd or 0
            usage = completion.usage
            self._harvest.answered.append(
                Answered(
                    claimed.result_id,
                    output,
                    completion.finish_reason,
                    reply.latency_ms,
                    usage.input_tokens if usage else None,
                    usage.output_tokens if usage else None,
                )
            )
        scores: list[NewScore] = []
        sample = Sample(
            claimed.inputs, output, claimed.expected, claimed.reference, claimed.previous, claimed.feedback
        )
        for evaluator in plan.evaluators:
            if evaluator.version_id in claimed.scored_by:
                continue
            context = self._context(claimed, plan, CallPurpose.JUDGE, evaluator_version_id=evaluator.version_id)
            marked = await mark_answer(
                evaluator, sample, gateway=gateway, context=context, stop=self._stop(claimed.run_id)
            )
            scores.append(marked.score)
            unknown_cost = unknown_cost or marked.cost_usd is None
            cost_usd += marked.cost_usd or 0
        self._end(
            claimed,
            plan,
            ResultState.DONE,
            n_attempts=n_attempts,
            cost_usd=None if unknown_cost else cost_usd,
            scores=scores,
        )

    def _give_back_or_end(self, claimed: Claimed, plan: RunPlan, error: ModelCallError) -> None:
        if error.kind in (CallErrorKind.STOPPED, CallErrorKind.WAIT_TOO_LONG):
            self._harvest.given_back.append(GivenBack(claimed.result_id, error.retry_after_s or 0.0))
            return
        self._end(
            claimed,
            plan,
            ResultState.ERROR,
            error_kind=str(error.kind),
            reason=error.message,
            n_attempts=error.attempts,
            cost_usd=error.cost_usd,
        )

    def _end(self, claimed: Claimed, plan: RunPlan | None, state: ResultState, **more: Any) -> None:
        project_id = plan.project_id if plan else 0
        self._harvest.finished.append(Finished(claimed.result_id, claimed.run_id, project_id, state, **more))

    def _stop(self, run_id: int) -> Callable[[], bool]:
        return lambda: run_id in self._stopped

    def _context(
        self, claimed: Claimed, plan: RunPlan, purpose: CallPurpose, *, evaluator_version_id: int | None = None
    ) -> CallContext:
        return CallContext(
            project_id=plan.project_id,
            purpose=purpose,
            run_id=claimed.run_id,
            result_id=claimed.result_id,
            prompt_version_id=plan.version.pk if plan.version else None,
            evaluator_version_id=evaluator_version_id,
        )


def _load_plan(run_id: int) -> RunPlan | str:
    """The plan, or the sentence that says why there is none."""
    try:
        return run_plan(run_id)
    except KeyLost as lost:
        return str(lost)


async def runs_drive(*, limiter: Limiter, for_s: float) -> PumpReport:
    """Drive all open runs for a while, on the event loop that is running."""
    return await Pump(limiter=limiter).drive(for_s=for_s)
