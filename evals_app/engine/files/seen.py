"""Which cases came before: a million of them in 24 MB."""

from __future__ import annotations

from array import array
from collections.abc import Hashable

_START_BITS = 12


class FirstLines:
    """Remembers at which line a thing came first, by its 64-bit hash in one flat table.

    A set of a million keys would take over 100 MB. Two different things are taken for one with a chance of
    3 in 100 million for a million things; Python seeds the hash of texts anew for every process.
    """

    def __init__(self) -> None:
        self._count = 0
        self._make(1 << _START_BITS)

    def first_line(self, thing: str | tuple[Hashable, ...], line: int) -> int | None:
        """The line of an equal thing that came before, else None; then `line` (1 to 2**32 - 1) is kept."""
        marker = hash(thing)
        slot = self._slot(marker)
        if self._lines[slot]:
            return self._lines[slot]
        self._hashes[slot] = marker
        self._lines[slot] = line
        self._count += 1
        if self._count * 3 > (self._mask + 1) * 2:
            self._grow()
        return None

    def _slot(self, marker: int) -> int:
        """Where the hash is, or the free place where it belongs (open addressing, linear probing)."""
        slot = (marker ^ (marker >> 29)) & self._mask
        while self._lines[slot] and self._hashes[slot] != marker:
            slot = (slot + 1) & self._mask
        return slot

    def _grow(self) -> None:
        hashes, lines = self._hashes, self._lines
        self._make(2 * len(lines))
        for marker, line in zip(hashes, lines, strict=True):
            if line:
                slot = self._slot(marker)
                self._hashes[slot] = marker
                self._lines[slot] = line

    def _make(self, size: int) -> None:
        self._mask = size - 1
        self._hashes = array("q", [0]) * size
        self._lines = array("I", [0]) * size
