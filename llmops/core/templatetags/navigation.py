"""Letters for "g then a letter": the first of each label that is still free."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class NavItem(Protocol):
    """One entry of the main navigation, filled by the apps through panels."""

    key: str
    label: str
    icon: str
    url: str
    badge: int | None


class LetteredItem(NamedTuple):
    """`letter` is empty when every letter of the label is taken."""

    letter: str
    item: NavItem


def lettered(items: Iterable[NavItem] | None) -> list[LetteredItem]:
    """Give each entry a letter of its own: Metrics gets m, so Models gets o."""
    taken: set[str] = set()
    found = []
    for item in items or ():
        letter = next((char for char in item.label.lower() if char.isalpha() and char not in taken), "")
        taken.add(letter)
        found.append(LetteredItem(letter, item))
    return found
