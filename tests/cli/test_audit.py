"""What `make audit` makes of what pip-audit says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from requirements.audit import verdict

GOOD: dict[str, Any] = {"name": "django", "version": "5.2.9", "vulns": []}
UNKNOWN: dict[str, Any] = {"name": "ours", "skip_reason": "Dependency not found"}
WEAK: dict[str, Any] = {
    "name": "kombu",
    "version": "5.6.0",
    "vulns": [{"id": "X-2026-1", "fix_versions": ["5.6.1"]}, {"id": "X-2026-2", "fix_versions": []}],
}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([GOOD, GOOD], 0, "No known weakness in 2 packages."),
        ([GOOD, UNKNOWN], 0, "The index does not know 1 others."),
        ([UNKNOWN, UNKNOWN], 0, "Not audited"),
        ([], 0, "Not audited"),
        ([GOOD, WEAK, UNKNOWN], 1, "kombu 5.6.0: X-2026-1, mended in 5.6.1\nkombu 5.6.0: X-2026-2, mended in no"),
    ],
)
def test_a_weakness_is_red_and_what_cannot_be_asked_is_not(
    packages: list[dict[str, Any]], code: int, words: str
) -> None:
    found, sentence = verdict(json.dumps({"dependencies": packages, "fixes": []}))
    assert found == code
    assert words in sentence


@pytest.mark.parametrize("report", ["", "Traceback", "{}"])
def test_no_report_is_no_failure(report: str) -> None:
    assert verdict(report) == (
        0,
        "Not audited: the index of packages cannot be reached. Run `make audit` where it can.",
    )
