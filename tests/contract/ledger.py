"""A ledger in memory that insists on being used as the real one: begin once, finish once, in that order."""

import uuid

from llmops.providers.calls import CallEnd, CallStart


class MemoryLedger:
    def __init__(self) -> None:
        self.rows: dict[uuid.UUID, tuple[CallStart, CallEnd | None]] = {}

    async def begin(self, start: CallStart) -> None:
        assert start.id not in self.rows
        self.rows[start.id] = (start, None)

    async def finish(self, start: CallStart, end: CallEnd) -> None:
        begun, finished = self.rows[start.id]
        assert begun == start and finished is None
        self.rows[start.id] = (start, end)

    @property
    def starts(self) -> list[CallStart]:
        return [start for start, _ in self.rows.values()]

    @property
    def ends(self) -> list[CallEnd]:
        """How all attempts ended; fails while one is open."""
        ends = [end for _, end in self.rows.values()]
        assert None not in ends, "an attempt was begun and never finished"
        return [end for end in ends if end is not None]
