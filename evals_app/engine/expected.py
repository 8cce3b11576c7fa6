"""The answers that count as right: from the settings, or from the case's expected answer."""

from __future__ import annotations

from typing import Any

from evals_app.engine.marks import Sample

NO_EXPECTED = "This case has no expected answer. Fill it in, or give the answers in the metric's settings."

_SEPARATORS = {"lines": "\n", "semicolons": ";", "bars": "|"}

EXPECTED_HOLDS: dict[str, Any] = {
    "type": "string",
    "enum": ["one", *_SEPARATORS],
    "default": "one",
    "title": "The expected answer holds",
    "description": (
        "one: a single answer. lines, semicolons, bars: several accepted answers, one per line or separated by ; or |."
    ),
}


def texts_setting(title: str, description: str) -> dict[str, Any]:
    """A list of texts that are not blank, as a setting."""
    return {
        "type": "array",
        "items": {"type": "string", "pattern": r"\S", "maxLength": 100_000},
        "maxItems": 1_000,
        "default": [],
        "title": title,
        "description": description,
    }


def accepted_answers(texts: list[str], holds: str, sample: Sample) -> list[str]:
    """`texts` of the settings when there are any, else what the case expects; empty when that is blank."""
    if texts:
        return texts
    expected = sample.expected or ""
    parts = expected.split(_SEPARATORS[holds]) if holds in _SEPARATORS else [expected]
    return [part for part in parts if part.strip()]
