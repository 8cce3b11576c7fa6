"""Plain string enumerations and the pairs that model fields need."""

from enum import StrEnum


def choices(kinds: type[StrEnum]) -> list[tuple[str, str]]:
    """Pairs for a field's `choices`: a plain StrEnum handed over as it is would be accepted and be wrong."""
    return [(kind.value, kind.value.replace("_", " ")) for kind in kinds]
