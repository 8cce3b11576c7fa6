"""Planning a run: which cases are taken."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from hashlib import blake2b


def sample_of(case_ids: Sequence[int], *, size: int, seed: int) -> set[int]:
    """`size` of these cases, drawn without replacement; all of them when there are no more.

    Each case draws a number from the seed and its id, and the lowest win. So the same seed draws the same
    cases whatever order they come in, and with one case added or removed at most one other changes: runs over
    different revisions still share most of their cases and can be compared case by case.
    """
    if size >= len(case_ids):
        return set(case_ids)
    return set(heapq.nsmallest(max(size, 0), case_ids, key=lambda case_id: _draw(seed, case_id)))


def _draw(seed: int, case_id: int) -> bytes:
    return blake2b(f"{seed}:{case_id}".encode(), digest_size=16).digest()
