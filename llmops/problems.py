"""The form of every error that programs get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def problem(code: str, message: str, fields: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The body of an error: a code for programs, a sentence for people, and which fields are wrong."""
    return {"error": {"code": code, "message": message, "fields": list(fields)}}
