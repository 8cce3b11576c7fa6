"""Texts as they are shown."""

from __future__ import annotations

from decimal import Decimal


def dollars(amount: Decimal) -> str:
    """Money to the last digit that it has, and cents: 0.2 -> "$0.20", 0.00417 -> "$0.00417"."""
    plain = f"{amount.normalize():f}"
    whole, _, fraction = plain.partition(".")
    return f"${whole}.{fraction.ljust(2, '0')}"


def shortened(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis: no more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
