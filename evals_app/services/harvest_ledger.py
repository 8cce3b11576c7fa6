"""The ledger of a pump: attempts are written down together with what else is saved."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from uuid import UUID

from evals_app.services.harvests import Harvest, storable_end
from llmops.providers.base import CallErrorKind, ModelCallError
from llmops.providers.gateway import CallEnd, CallStart, CallState


class LedgerClosed(Exception):
    """The pump is ending and writes nothing down any more, so nothing may be sent."""


class HarvestLedger:
    """`begin` waits until the pump has saved the attempt; ends are saved with what they brought.

    The end of an attempt that answered is kept until `release`, which is called together with putting its answer or
    score into the harvest. So whatever is not saved when the worker dies shows as an attempt in flight.
    """

    def __init__(self, harvest: Harvest, wake: asyncio.Event) -> None:
        self._harvest = harvest
        self._wake = wake
        self._kept: defaultdict[int | None, list[tuple[CallStart, CallEnd]]] = defaultdict(list)
        self._saved = self._new_batch()
        self._closed: LedgerClosed | None = None

    async def begin(self, start: CallStart) -> None:
        """Raises ModelCallError (stopped) when nothing may be sent for its run any more, and LedgerClosed."""
        if self._closed is not None:
            raise self._closed
        self._harvest.begun.append(start)
        self._wake.set()
        refused = await asyncio.shield(self._saved)
        if start.id in refused:
            raise ModelCallError(CallErrorKind.STOPPED, "Stopped before the model was called.")

    async def finish(self, start: CallStart, end: CallEnd) -> None:
        ended = (start, storable_end(end))
        if end.state is CallState.OK:
            self._kept[start.context.result_id].append(ended)
        else:
            self._harvest.ended.append(ended)

    def release(self, result_id: int) -> None:
        """Let the ends of this result's attempts be saved."""
        self._harvest.ended += self._kept.pop(result_id, [])

    def next_batch(self) -> asyncio.Future[frozenset[UUID]]:
        """The future that the attempts noted so far wait for, for the ids of refused ones; later ones wait for
        another."""
        batch, self._saved = self._saved, self._new_batch()
        return batch

    def close(self) -> None:
        """Nothing will be saved any more: let go of all who wait for it."""
        self._closed = LedgerClosed("the pump is ending")
        if not self._saved.done():
            self._saved.set_exception(self._closed)
            self._saved.exception()  # it may be that nobody waits

    @staticmethod
    def _new_batch() -> asyncio.Future[frozenset[UUID]]:
        return asyncio.get_running_loop().create_future()
