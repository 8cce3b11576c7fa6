"""How many calls of one connection may be in flight in this process: fewer after 429, more after answers."""

from __future__ import annotations

import asyncio
from collections import deque


class FlightWindow:
    """Additive increase, multiplicative decrease. Without bound until the vendor says 429; then half of what
    was in flight, one call more for every window of answers, and without bound again once recovered.

    Calls sent before the last halving do not halve it again: one burst of 429 is one message.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.limit: float | None = None
        self._recovered_at = 0
        self._serial = 0
        self._shrunk_at = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, max_wait_s: float) -> int:
        """Takes a place and returns its number. Raises TimeoutError when none is free in time."""
        if self._has_room() and not self._waiting:
            return self._taken()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(max_wait_s):
                await place
        except BaseException:
            self._give_up(place)
            raise
        self._serial += 1
        return self._serial

    def leave(self) -> None:
        self.in_flight -= 1
        self._wake()

    def refused(self, serial: int) -> None:
        """The vendor answered call `serial` with 429."""
        if serial <= self._shrunk_at:
            return
        if self.limit is None:
            self._recovered_at = self.in_flight
        self.limit = max(1.0, min(self.in_flight, self.limit or self.in_flight) / 2)
        self._shrunk_at = self._serial

    def answered(self) -> None:
        if self.limit is None:
            return
        self.limit += 1.0 / self.limit
        if self.limit >= self._recovered_at:
            self.limit = None
        self._wake()

    def _has_room(self) -> bool:
        return self.limit is None or self.in_flight < int(self.limit)

    def _taken(self) -> int:
        self.in_flight += 1
        self._serial += 1
        return self._serial

    def _wake(self) -> None:
        while self._waiting and self._has_room():
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)

    def _give_up(self, place: asyncio.Future[None]) -> None:
        if place.done() and not place.cancelled():
            self.leave()
        elif place in self._waiting:
            self._waiting.remove(place)
