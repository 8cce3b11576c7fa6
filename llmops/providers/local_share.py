"""What one process may call while the limits that all workers share cannot be asked. Pure."""

from __future__ import annotations

from llmops.providers.base import Credential
from llmops.providers.buckets import Bucket, Rate


class LocalShare:
    """The limits divided by the number of processes. Buckets start empty, so that a restart grants nothing
    extra. Times are those of one monotonic clock, in seconds."""

    def __init__(self, processes: int) -> None:
        self._processes = max(1, processes)
        self._buckets: dict[tuple[int, str], Bucket] = {}
        self._paused_until: dict[int, float] = {}

    def pause(self, credential: Credential, until: float) -> None:
        known = self._paused_until.get(credential.connection_id, 0.0)
        self._paused_until[credential.connection_id] = max(until, known)

    def take(
        self, credential: Credential, requests: int, tokens: int, max_wait_s: float, now: float
    ) -> tuple[float, bool]:
        """Seconds to wait, and whether it was taken: nothing is when the wait would be too long."""
        paused_until = self._paused_until.get(credential.connection_id, 0.0)
        wait_s = max(0.0, paused_until - now)
        wanted: list[tuple[Bucket, int]] = []
        for name, limit, n in _limits(credential, requests, tokens):
            rate = Rate.per_minute(limit / self._processes)
            bucket = self._buckets.setdefault((credential.connection_id, name), Bucket(0.0, now))
            bucket.refill(rate, now, paused_until)
            wait_s = max(wait_s, bucket.wait_s(rate, n, now))
            wanted.append((bucket, n))
        if wait_s > max_wait_s:
            return wait_s, False
        for bucket, n in wanted:
            bucket.take(n)
        return wait_s, True

    def give_back(self, credential: Credential, requests: int, tokens: int) -> None:
        for name, _, n in _limits(credential, requests, tokens):
            bucket = self._buckets.get((credential.connection_id, name))
            if bucket is not None:
                bucket.take(-n)


def _limits(credential: Credential, requests: int, tokens: int) -> list[tuple[str, int, int]]:
    pairs = (
        ("requests", credential.requests_per_minute, requests),
        ("tokens", credential.tokens_per_minute, tokens),
    )
    return [(name, limit, n) for name, limit, n in pairs if limit and n]
