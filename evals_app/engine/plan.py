"""Planning a run: which cases are taken."""

from __future__ import annotations

import random
from collections.abc import Sequence


def sample_of(case_ids: Sequence[int], *, size: int, seed: int) -> set[int]:
    """`size` of these cases, drawn without replacement; all of them when there are no more.

    The same seed draws the same cases whatever order they come in, so that runs can be compared case by case.
    """
    if size >= len(case_ids):
        return set(case_ids)
    return set(random.Random(seed).sample(sorted(case_ids), size))  # noqa: S311  a sample, not a secret
