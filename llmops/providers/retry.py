"""Whether and when a failed call is made again. Pure: clock and randomness come as arguments."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from llmops.providers.base import ModelCallError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter: attempt n waits between 0 and base x 2^(n-1), at most cap."""

    base_s: float = 0.5
    cap_s: float = 20.0

    def backoff_s(self, attempt: int, rng: random.Random) -> float:
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2.0 ** (attempt - 1)))


def retry_wait_s(
    error: ModelCallError,
    *,
    attempt: int,
    max_attempts: int,
    left_s: float,
    max_wait_s: float,
    policy: RetryPolicy,
    rng: random.Random,
) -> float | None:
    """Seconds to wait before the next attempt, or None when `error` is final.

    `attempt` is the one that failed, from 1; `left_s` is what remains until the deadline. A wait the
    vendor asks for (Retry-After) is kept, with a little jitter on top so that workers do not come back
    together; one longer than `max_wait_s` or than the deadline allows ends the request instead.
    """
    if not error.retryable or attempt >= max_attempts:
        return None
    wait_s = policy.backoff_s(attempt, rng)
    if error.retry_after_s is not None:
        if error.retry_after_s > max_wait_s:
            return None
        wait_s = error.retry_after_s + min(wait_s, 0.1 * error.retry_after_s)
    return wait_s if wait_s < left_s else None


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a vendor asks to wait: `retry-after-ms`, or Retry-After as seconds or as an HTTP date
    (RFC 9110, 10.2.3). None when it says nothing that can be read; never negative."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0.0 <= number < float("inf") else None
