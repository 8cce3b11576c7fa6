"""Which parts of two sequences are the same, in bounded time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Indel

MOST_PAIRS = 400_000_000
"""Above this many pairs of parts (20,000 by 20,000: 50 MB, half a second) all between the common ends counts as
changed."""


class Block(NamedTuple):
    """`before[a:a_end]` became `after[b:b_end]`; `same` says that they are equal."""

    same: bool
    a: int
    a_end: int
    b: int
    b_end: int


def blocks(before: Sequence[str], after: Sequence[str]) -> list[Block]:
    """The two sequences from start to end, in blocks that are the same and blocks that are not, in turn.

    A longest common subsequence, so that as little as possible counts as changed.
    """
    start = _common_start(before, after)
    end = _common_start(before[start:][::-1], after[start:][::-1])
    a_end, b_end = len(before) - end, len(after) - end
    found = [Block(True, 0, start, 0, start)]
    found += _between(before[start:a_end], after[start:b_end], start)
    found.append(Block(True, a_end, len(before), b_end, len(after)))
    return list(_joined(found))


def _between(before: Sequence[str], after: Sequence[str], offset: int) -> list[Block]:
    if not before or not after or len(before) * len(after) > MOST_PAIRS:
        return [Block(False, offset, offset + len(before), offset, offset + len(after))]
    return [
        Block(
            step.tag == "equal",
            step.src_start + offset,
            step.src_end + offset,
            step.dest_start + offset,
            step.dest_end + offset,
        )
        for step in Indel.opcodes(before, after)
    ]


def _common_start(before: Sequence[str], after: Sequence[str]) -> int:
    length = 0
    for ours, theirs in zip(before, after, strict=False):
        if ours != theirs:
            break
        length += 1
    return length


def _joined(found: Sequence[Block]) -> Iterator[Block]:
    """Without empty blocks, and neighbours of one kind made one."""
    last: Block | None = None
    for block in found:
        if block.a == block.a_end and block.b == block.b_end:
            continue
        if last is not None and last.same == block.same:
            last = Block(last.same, last.a, block.a_end, last.b, block.b_end)
            continue
        if last is not None:
            yield last
        last = block
    if last is not None:
        yield last
