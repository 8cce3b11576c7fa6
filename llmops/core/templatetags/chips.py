"""Chips: as many as a line takes, the rest in a menu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST_UNFOLDED = 10
BEFORE_THE_MENU = 7


class FoldedChips(NamedTuple):
    """The chips that are shown, and those in the menu behind them."""

    shown: list[Any]
    more: list[Any]


def folded_chips(chips: Sequence[Any] | None) -> FoldedChips:
    """The first chips and, wherever it stands, the chosen one; those that fit on a line are all shown."""
    found = list(chips or ())
    if len(found) <= MOST_UNFOLDED:
        return FoldedChips(found, [])
    late = [chip for chip in found[BEFORE_THE_MENU:] if _is_active(chip)]
    return FoldedChips(found[:BEFORE_THE_MENU] + late, [chip for chip in found[BEFORE_THE_MENU:] if chip not in late])


def _is_active(chip: Any) -> bool:
    return bool(chip["active"] if isinstance(chip, Mapping) else chip.active)
