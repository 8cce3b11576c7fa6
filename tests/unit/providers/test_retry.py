import random
from datetime import UTC, datetime

import pytest

from llmops.providers.base import RETRYABLE_KINDS, CallErrorKind, ModelCallError
from llmops.providers.retry import RetryPolicy, retry_after_s, retry_wait_s

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def wait_after(
    error: ModelCallError,
    *,
    attempt: int = 1,
    max_attempts: int = 3,
    left_s: float = 60.0,
    max_wait_s: float = 10.0,
) -> float | None:
    return retry_wait_s(
        error,
        attempt=attempt,
        max_attempts=max_attempts,
        left_s=left_s,
        max_wait_s=max_wait_s,
        policy=RetryPolicy(base_s=0.5, cap_s=20.0),
        rng=random.Random(1),
    )


@pytest.mark.parametrize("kind", CallErrorKind)
def test_only_what_may_pass_by_itself_is_tried_again(kind: CallErrorKind) -> None:
    assert (wait_after(ModelCallError(kind, "x")) is not None) is (kind in RETRYABLE_KINDS)
    assert RETRYABLE_KINDS == {"rate_limited", "timed_out", "unreachable", "bad_answer", "vendor_down"}


def test_an_error_may_say_otherwise_than_its_kind() -> None:
    assert wait_after(ModelCallError(CallErrorKind.UNREACHABLE, "x", retryable=False)) is None


def test_last_attempt_is_the_last() -> None:
    down = ModelCallError(CallErrorKind.VENDOR_DOWN, "x")
    assert wait_after(down, attempt=2) is not None
    assert wait_after(down, attempt=3) is None


def test_back_off_doubles_with_full_jitter_up_to_the_cap() -> None:
    policy, rng = RetryPolicy(base_s=0.5, cap_s=3.0), random.Random(7)
    for attempt, longest in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0), (40, 3.0)):
        waits = [policy.backoff_s(attempt, rng) for _ in range(2_000)]
        assert 0.0 <= min(waits) < 0.02 * longest
        assert 0.98 * longest < max(waits) <= longest


def test_wait_the_vendor_asks_for_is_kept_with_a_little_more() -> None:
    limited = ModelCallError(CallErrorKind.RATE_LIMITED, "x", retry_after_s=7.0)
    wait = wait_after(limited)
    assert wait is not None and 7.0 <= wait <= 7.7


def test_waits_that_are_too_long_end_the_request() -> None:
    limited = ModelCallError(CallErrorKind.RATE_LIMITED, "x", retry_after_s=11.0)
    assert wait_after(limited, max_wait_s=10.0) is None
    assert wait_after(limited, max_wait_s=30.0, left_s=11.0) is None
    assert wait_after(limited, max_wait_s=30.0, left_s=13.0) is not None
    assert wait_after(ModelCallError(CallErrorKind.VENDOR_DOWN, "x"), left_s=0.0) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": " 12 "}, 12.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 13:00:30 +0100"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after_in_seconds_and_as_a_date(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers, NOW) == expected
