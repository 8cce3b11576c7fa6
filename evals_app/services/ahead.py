"""Rows that a pump has leased ahead: they start the moment a call of the same run ends, without asking the database.

A run's concurrency is its number of places. A row that is leased ahead has none; it takes over that of a row which
ended and was not saved yet. Both changes are saved together, so that the database never counts a place twice or loses
one. Without this a place would lie idle from the end of its call until that is saved and the next row is claimed.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping

from evals_app.services.answering import RowWork
from evals_app.services.leases import Claimed


class LeasedAhead:
    """The rows of each run that wait for a place, and the places that nobody has taken over yet."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, deque[RowWork]] = defaultdict(deque)
        self._vacant: Counter[int] = Counter()

    def __iter__(self) -> Iterator[Claimed]:
        for waiting in self._waiting.values():
            yield from (work.claimed for work in waiting)

    def __bool__(self) -> bool:
        return any(self._waiting.values())

    def add(self, work: RowWork) -> bool:
        """Keep this row until a place is there. Says instead whether one is there already, and takes it."""
        run_id = work.claimed.run_id
        if self._vacant[run_id]:
            self._vacant[run_id] -= 1
            return True
        self._waiting[run_id].append(work)
        return False

    def vacated(self, run_id: int) -> RowWork | None:
        """A call of this run has ended: the row that takes its place over."""
        waiting = self._waiting.get(run_id)
        if waiting:
            return waiting.popleft()
        self._vacant[run_id] += 1
        return None

    def saving(self) -> bool:
        """What has ended so far is being saved, so its places are everybody's. Says whether there are any."""
        vacant = self._vacant.total() > 0
        self._vacant.clear()
        return vacant

    def give_up(self, run_id: int) -> list[Claimed]:
        """Take out all rows of this run."""
        return [work.claimed for work in self._waiting.pop(run_id, ())]

    def clear(self) -> None:
        """Forget all rows: their leases run out."""
        self._waiting.clear()

    def n_by_run(self) -> Mapping[int, int]:
        """How many rows wait, of each run that has any."""
        return {run_id: len(rows) for run_id, rows in self._waiting.items() if rows}
