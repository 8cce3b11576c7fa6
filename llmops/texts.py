"""Texts as they are shown."""

from __future__ import annotations


def shortened(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis: no more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
