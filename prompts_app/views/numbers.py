"""Versions as people type them into addresses."""

from __future__ import annotations


def version_number(text: str) -> int:
    """A version's number as typed; 0, which no version has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
