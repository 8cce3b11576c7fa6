"""What a toast offers beside its text."""

from __future__ import annotations

from django.contrib.messages.storage.base import Message

UNDO = "undo:"


def undo_url(message: Message) -> str:
    """Where the toast's undo button posts to; empty when what was done cannot be undone there."""
    tags = message.extra_tags or ""
    return tags.removeprefix(UNDO) if tags.startswith(UNDO) else ""
