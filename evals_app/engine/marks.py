"""What a metric looks at, and what it says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals_app.choices import ScoreState

MOST_REASON_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer (`output`) with the case it belongs to. None: the case does not have it."""

    inputs: Mapping[str, str]
    output: str
    expected: str | None = None
    reference: str | None = None
    previous: str | None = None
    feedback: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A metric's word on one answer.

    `value` is 1.0 or 0.0 for yes/no, the grade for numbers, and None for categories (their text is `label`)
    and whenever the state is not SCORED. `reason` is one or two plain sentences.
    """

    state: ScoreState
    value: float | None = None
    label: str = ""
    reason: str = ""


def yes(reason: str) -> Mark:
    return Mark(ScoreState.SCORED, 1.0, "", _clipped(reason))


def no(reason: str) -> Mark:
    return Mark(ScoreState.SCORED, 0.0, "", _clipped(reason))


def unscored(reason: str) -> Mark:
    """No verdict could be reached. It is never counted as 0."""
    return Mark(ScoreState.UNSCORED, None, "", _clipped(reason))


def quoted(text: str, most: int = 80) -> str:
    """A text in quotation marks for a reason: on one line, shortened in the middle."""
    line = " ".join(text.split())
    if len(line) > most:
        line = f"{line[: most - most // 3]} … {line[-(most // 3) :]}"
    return f"“{line}”"


def _clipped(reason: str) -> str:
    return reason if len(reason) <= MOST_REASON_CHARS else reason[: MOST_REASON_CHARS - 2] + " …"
