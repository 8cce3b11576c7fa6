"""What is said of numbers that cannot be."""

from __future__ import annotations


def says(sentence: str) -> dict[str, str]:
    """Error messages of a field for a number: the same sentence, whatever is wrong with it."""
    return dict.fromkeys(("required", "invalid", "min_value", "max_value"), sentence)
