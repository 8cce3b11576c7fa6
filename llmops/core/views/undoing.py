"""Saying what was done, with a way back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from llmops.core.templatetags.toasts import UNDO


def done_with_undo(request: HttpRequest, text: str, *, undo_url: str) -> None:
    """A toast on the next page that says what was done; its button posts to `undo_url`."""
    messages.success(request, text, extra_tags=f"{UNDO}{undo_url}")
