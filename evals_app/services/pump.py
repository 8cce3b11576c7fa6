"""The pump: an asyncio loop that claims planned results, asks the models and saves what comes back.

One pump serves all runs at once, so a small run need not wait for a big one. It keeps calls in flight with one
vendor client per connection and saves in batches: one visit to the database saves what has come in, then claims
what fits. It ends after its time or when nothing is left; the tick starts the next one.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections, connection
from structlog.contextvars import bound_contextvars

from evals_app.services.ahead import LeasedAhead
from evals_app.services.answering import RowWork
from evals_app.services.harvest_ledger import HarvestLedger, LedgerClosed
from evals_app.services.harvests import GivenBack, Harvest
from evals_app.services.leases import Claimed, leases_renew, results_claim, results_give_back, runs_waiting
from evals_app.services.plans import PlanBroken, RunPlan, run_plan
from evals_app.services.saving import Saved, harvest_save
from evals_app.services.states import run_fail, runs_closed, runs_settle
from evals_app.services.sweeping import runs_tidy
from llmops.core.services import WORKER, heartbeat
from llmops.core.services.connections import outbound_policy
from llmops.providers.adapters import AdapterFactory
from llmops.providers.base import Credential
from llmops.providers.gateway import Gateway, Limiter, Price

log = logging.getLogger(__name__)

GATHER_S = 0.004
IDLE_S = 0.5
CLAIM_EVERY_S = 0.2
"""How long a pump with rows enough goes without looking whether there are more places or other runs."""
DATABASE_PATIENCE_S = 25.0
DRAIN_S = 5.0
"""How long a pump whose time is over waits for its last calls before it goes on beside the slow ones."""
HAND_BACK_S = 60.0
"""How long after its last claim a pump still starts calls (of judges, say) for rows that it has."""
BROKEN_PLAN = "This run could not be prepared. The worker's log says why; then carry it on."
LOST = (OperationalError, InterfaceError, InternalError)
"""InternalError: so Postgres says that it ended a session that lay still in a transaction, as of a frozen worker."""


@dataclass(slots=True)
class PumpReport:
    """What a pump did: rows finished, and whether it ended with work left."""

    n_finished: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """A loaded plan, good for rows that were claimed under the same mark."""

    mark: int | None
    plan: RunPlan


@dataclass(slots=True)
class _Visit:
    """One visit to the database, and how far it got, so that it can be carried on after a lost connection."""

    harvest: Harvest
    let_begin: Callable[[frozenset[UUID]], object]
    known: frozenset[int]
    held: frozenset[int]
    resting: frozenset[int]
    looks_around: bool
    room: int
    """How many calls more this pump may have in flight."""
    ahead: dict[int, int]
    renew: bool
    saved: Saved | None = None
    kept: set[int] | None = None
    claimed: list[Claimed] = field(default_factory=list)
    waiting: frozenset[int] | None = None
    """The runs that wait for places, of which this pump has none; None when it did not look."""
    plans: dict[int, _Plan] = field(default_factory=dict)

    def n_placed(self) -> int:
        """How many of the claimed rows have a place."""
        return sum(not claimed.ahead for claimed in self.claimed)


class Pump:
    """Drives all open runs for a while. Make one for each event loop; `limiter` is shared by all workers.

    Once `leaving` says yes, it starts no more calls: those in flight end, and rows go back with what they have.
    """

    def __init__(
        self,
        *,
        limiter: Limiter,
        most_in_flight: int | None = None,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self.owner = uuid.uuid4()
        self.most_in_flight = most_in_flight or settings.MOST_IN_FLIGHT
        self.report = PumpReport()
        self._limiter = limiter
        self._leaving = leaving
        self._harvest = Harvest()
        self._wake = asyncio.Event()
        self._ledger = HarvestLedger(self._harvest, self._wake)
        self._working: dict[asyncio.Task[None], Claimed] = {}
        self._ahead = LeasedAhead()
        self._plans: dict[int, _Plan] = {}
        self._prices: dict[tuple[int, str], Price | None] = {}
        self._closed: frozenset[int] = frozenset()
        self._lost: frozenset[int] = frozenset()
        self._resting: dict[int, float] = {}
        self._dry: frozenset[int] = frozenset()
        """Runs that had no row left to lease ahead, and are not asked again until the next look at all runs."""
        self._contended = False
        """Whether this pump has no room for a run that waits: then the run with the fewest calls in flight gets each
        place that is left, and none keeps its own by rows leased ahead."""
        self._for_s = self._claim_until = self._claim_again_at = self._last_claim_at = 0.0

    async def drive(self, *, for_s: float, at_most_s: float | None = None) -> PumpReport:
        """Claim, ask and save until nothing is left or `for_s` seconds are over; then let calls in flight end.

        While slow calls keep it from ending, it goes on claiming, until `at_most_s` seconds are over.
        """
        now = _now()
        self._for_s, self._claim_until = for_s, now + for_s
        self._last_claim_at = now + max(for_s, at_most_s or 0.0)
        end_at = self._claim_until
        async with Gateway(
            ledger=self._ledger,
            limiter=self._limiter,
            price_of=self._price_of,
            open_adapter=AdapterFactory(outbound_policy()),
        ) as gateway:
            try:
                await self._work(gateway)
            except BaseException:
                await self._let_go()
                raise
        self.report.more = _now() >= end_at or self._leaving()
        return self.report

    async def _work(self, gateway: Gateway) -> None:
        renew_at = 0.0
        await self._visit_and_start(gateway, renew=False)  # nothing is held yet
        while self._working or self._harvest or self._ahead or self._rests():
            await self._something_to_do()
            renew = _now() >= renew_at
            if renew:
                renew_at = _now() + settings.LEASE_S / 3
            await self._visit_and_start(gateway, renew=renew)

    async def _visit_and_start(self, gateway: Gateway, *, renew: bool) -> None:
        for claimed in await self._visit(renew=renew):
            self._take_on(self._work_on(claimed, gateway))

    async def _something_to_do(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_S)
        except TimeoutError:
            return
        if not self._harvest.begun:
            await asyncio.sleep(GATHER_S)  # let answers that come together be saved together

    async def _let_go(self) -> None:
        """End all work without saving it: leases run out, and others do it again."""
        self._ledger.close()
        self._ahead.clear()
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _visit(self, *, renew: bool) -> list[Claimed]:
        """Save the harvest, then claim. A lost database is waited for, with nothing thrown away."""
        self._wake.clear()
        batch = self._ledger.next_batch()
        loop = asyncio.get_running_loop()
        visit = self._new_visit(renew, lambda refused: loop.call_soon_threadsafe(_decide, batch, refused))
        give_up_at = _now() + DATABASE_PATIENCE_S
        while True:
            try:
                await sync_to_async(self._visit_database)(visit)
                break
            except LOST as lost:
                if _now() > give_up_at:
                    if not batch.done():
                        batch.set_exception(LedgerClosed("the database was lost"))
                        batch.exception()  # it may be that nobody waits
                    raise
                log.warning("The database was lost; trying again: %s", lost)
                visit.renew = True  # leases have grown old meanwhile
                await sync_to_async(_drop_broken_connections)()
                await asyncio.sleep(0.5)
        self._learn(visit)
        return visit.claimed

    def _new_visit(self, renew: bool, let_begin: Callable[[frozenset[UUID]], object]) -> _Visit:
        now = _now()
        in_flight = Counter(claimed.run_id for claimed in self._working.values())
        self._give_back_stranded(in_flight)
        vacant = self._ahead.saving()
        has_enough = self._working and not vacant and now < self._claim_again_at
        claims = self._may_claim(now)
        looks_around = claims and not has_enough
        if looks_around:
            self._claim_again_at = now + CLAIM_EVERY_S
            self._dry = frozenset()
        wanted = self._wanted_ahead(in_flight)
        self._resting = {run_id: until for run_id, until in self._resting.items() if until > now}
        return _Visit(
            harvest=self._harvest.taken(),
            let_begin=let_begin,
            known=frozenset(self._plans) | in_flight.keys(),
            held=frozenset(claimed.result_id for claimed in (*self._working.values(), *self._ahead)),
            resting=frozenset(self._resting),
            looks_around=looks_around,
            # A call that has just ended is still among them beside the one that took its place.
            room=max(0, self.most_in_flight - len(self._working)),
            ahead=wanted if claims else {},
            renew=renew,
        )

    def _wanted_ahead(self, in_flight: Counter[int]) -> dict[int, int]:
        """How many more rows to lease ahead, of each run that has used up half of what it had. One for each of its
        calls in flight, since all of them may end at once."""
        if self._contended:
            return {}
        waiting = self._ahead.n_by_run()
        wanted = {run_id: n_calls - waiting.get(run_id, 0) for run_id, n_calls in in_flight.items()}
        return {
            run_id: more
            for run_id, more in wanted.items()
            if more > 0 and more >= waiting.get(run_id, 0) and run_id not in self._dry
        }

    def _give_back_stranded(self, in_flight: Counter[int]) -> None:
        """Rows leased ahead of a run that has no call in flight here whose place they could take over, or may take over
        none: whoever has room may have them."""
        for run_id in self._ahead.n_by_run():
            if self._contended or not in_flight[run_id]:
                self._harvest.given_back += [GivenBack(row.result_id) for row in self._ahead.give_up(run_id)]

    def _may_claim(self, now: float) -> bool:
        if self._leaving():
            return False
        if now < self._claim_until:
            return True
        if self._working and self._claim_until + DRAIN_S <= now < self._last_claim_at:
            self._claim_until = min(now + self._for_s, self._last_claim_at)
            return True
        return False

    def _rests(self) -> bool:
        """Whether a run that rests may be claimed from again in this pump's time."""
        return not self._leaving() and any(until < self._claim_until for until in self._resting.values())

    def _visit_database(self, visit: _Visit) -> None:
        if visit.saved is None:
            visit.saved = self._save(visit)
            visit.let_begin(visit.saved.refused)
        runs_settle(visit.saved.touched)
        if visit.renew:
            held = visit.held | {claimed.result_id for claimed in visit.claimed}
            visit.kept = leases_renew(owner=self.owner, held=held)
            heartbeat(WORKER)
            runs_tidy()
        full = visit.room <= 0
        results_claim(
            owner=self.owner,
            most=visit.room - visit.n_placed() if visit.looks_around else 0,
            resting=visit.resting,
            ahead=visit.ahead,
            full=full,
            into=visit.claimed,
        )
        if visit.looks_around and full:
            visit.waiting = runs_waiting(visit.resting)
        self._load_plans(visit)

    def _save(self, visit: _Visit) -> Saved:
        if not visit.harvest:
            return Saved(0, frozenset(), runs_closed(visit.known), frozenset())
        try:
            return harvest_save(visit.harvest, owner=self.owner, known=visit.known)
        except LOST:
            raise
        except Exception:
            log.exception("A batch could not be saved; saving its results one by one.")
            return self._save_one_by_one(visit)

    def _save_one_by_one(self, visit: _Visit) -> Saved:
        """So that one result that the database will not take does not take the others with it."""
        parts: list[Saved] = []
        for part in visit.harvest.by_result():
            try:
                parts.append(harvest_save(part, owner=self.owner, known=visit.known))
            except LOST:
                raise
            except Exception:
                log.exception("A result could not be saved and ends as an error.")
                parts.append(harvest_save(part.without_content(), owner=self.owner, known=visit.known))
        return Saved(
            n_finished=sum(saved.n_finished for saved in parts),
            touched=frozenset().union(*(saved.touched for saved in parts)),
            closed=parts[-1].closed,
            refused=frozenset().union(*(saved.refused for saved in parts)),
        )

    def _load_plans(self, visit: _Visit) -> None:
        """Load what newly claimed rows need; the runs of those that cannot be worked on fail."""
        closed = visit.saved.closed if visit.saved else frozenset()
        for run_id, mark in {claimed.run_id: claimed.plan_mark for claimed in visit.claimed}.items():
            known = self._plans.get(run_id)
            if known is not None and known.mark == mark and run_id not in closed:
                continue
            try:
                visit.plans[run_id] = _Plan(mark, run_plan(run_id))
            except LOST:
                raise
            except PlanBroken as broken:
                self._fail(visit, run_id, reason=str(broken))
            except Exception:
                log.exception("The plan of run %s could not be loaded.", run_id)
                self._fail(visit, run_id, reason=BROKEN_PLAN)

    def _fail(self, visit: _Visit, run_id: int, *, reason: str) -> None:
        run_fail(run_id, reason=reason)
        mine = [claimed for claimed in visit.claimed if claimed.run_id == run_id]
        results_give_back([GivenBack(claimed.result_id) for claimed in mine], owner=self.owner)
        visit.claimed = [claimed for claimed in visit.claimed if claimed.run_id != run_id]

    def _learn(self, visit: _Visit) -> None:
        """Take over what the visit brought. The plan of a run that is closed is forgotten: whoever opens it again
        may have changed it."""
        if visit.saved is not None:
            self.report.n_finished += visit.saved.n_finished
            self._closed = visit.saved.closed - {claimed.run_id for claimed in visit.claimed}
        if visit.kept is not None:
            self._lost = visit.held - visit.kept
        if 0 < visit.n_placed() < visit.room:
            self._claim_again_at = 0.0  # there may be another bite
        self._learn_who_waits(visit)
        self._dry |= visit.ahead.keys() - {claimed.run_id for claimed in visit.claimed}
        self._plans = {run_id: plan for run_id, plan in self._plans.items() if run_id not in self._closed}
        self._plans |= visit.plans
        for loaded in visit.plans.values():
            for target in loaded.plan.targets():
                self._prices[(target.credential.connection_id, target.model)] = target.price

    def _learn_who_waits(self, visit: _Visit) -> None:
        if visit.waiting is not None:
            runs = {claimed.run_id for claimed in self._working.values()} | visit.waiting
            self._contended = bool(visit.waiting) and len(runs) > 1
        elif visit.looks_around and visit.n_placed() < visit.room:
            self._contended = False

    def _price_of(self, credential: Credential, model: str) -> Price | None:
        return self._prices.get((credential.connection_id, model))

    def _work_on(self, claimed: Claimed, gateway: Gateway) -> RowWork:
        return RowWork(
            claimed,
            self._plans[claimed.run_id].plan,
            gateway,
            self._harvest,
            self._ledger,
            self._stop_of(claimed),
        )

    def _take_on(self, work: RowWork) -> None:
        """Start on this row, or keep it until a place is there for it."""
        if not work.claimed.ahead:
            self._start(work)
        elif self._ahead.add(work):
            self._start_ahead(work)

    def _start(self, work: RowWork) -> None:
        task = asyncio.create_task(self._finish(work))
        self._working[task] = work.claimed
        task.add_done_callback(self._ended)

    def _start_ahead(self, work: RowWork) -> None:
        self._harvest.placed.append(work.claimed.result_id)
        self._start(work)

    async def _finish(self, work: RowWork) -> None:
        with bound_contextvars(run_id=work.claimed.run_id, result_id=work.claimed.result_id):
            rest_s = await work.run()
        if rest_s > 0:
            run_id = work.claimed.run_id
            self._resting[run_id] = max(_now() + rest_s, self._resting.get(run_id, 0.0))
        self._vacate(work.claimed)

    def _vacate(self, claimed: Claimed) -> None:
        """In the same step as the row's end goes into the harvest: were that saved in between, its place would be
        everybody's and be taken over as well."""
        # A row that was lost has no place to leave: it is another worker's.
        if claimed.result_id not in self._lost and (waiting := self._ahead.vacated(claimed.run_id)):
            self._start_ahead(waiting)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self._wake.set()

    def _stop_of(self, claimed: Claimed) -> Callable[[], bool]:
        """Whether nothing more may be sent for this row: its run was stopped, it is another worker's now, or this
        pump must come to its end."""
        return lambda: (
            claimed.run_id in self._closed
            or claimed.result_id in self._lost
            or self._leaving()
            or _now() > self._last_claim_at + HAND_BACK_S
        )


def _decide(batch: asyncio.Future[frozenset[UUID]], refused: frozenset[UUID]) -> None:
    if not batch.done():
        batch.set_result(refused)


def _drop_broken_connections() -> None:
    """Also those that lie idle in the pool, which would be tried one by one with growing pauses in between."""
    close_old_connections()
    pool = getattr(connection, "pool", None)
    if pool is not None:
        pool.check()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def runs_drive(
    *,
    limiter: Limiter,
    for_s: float,
    at_most_s: float | None = None,
    leaving: Callable[[], bool] = lambda: False,
) -> PumpReport:
    """Drive all open runs for a while, on the event loop that is running."""
    return await Pump(limiter=limiter, leaving=leaving).drive(for_s=for_s, at_most_s=at_most_s)
