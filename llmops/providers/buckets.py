"""Token buckets: the arithmetic of rate limits. Pure: the clock comes as an argument, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

_BURST_SHARE = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `per_minute` in any 60 s: `burst` at once (three seconds' worth), the rest evenly spread."""

    burst: float
    per_s: float

    @classmethod
    def per_minute(cls, limit: float) -> Rate:
        burst = max(1.0, limit / _BURST_SHARE)
        return cls(burst=burst, per_s=max(limit - burst + 1.0, limit / 60.0) / 60.0)


@dataclass(slots=True)
class Bucket:
    """What is left to take. `level` may be below zero: taken ahead, to be waited for. `at` is the moment
    the level holds for; after a pause it lies in the future."""

    level: float
    at: float

    def refill(self, rate: Rate, now: float, paused_until: float = 0.0) -> None:
        """Adds what has come in since, nothing of it during a pause."""
        if now > self.at:
            self.level = min(rate.burst, self.level + (now - self.at) * rate.per_s)
            self.at = now
        self.level = min(self.level, rate.burst)
        self.at = max(self.at, paused_until)

    def wait_s(self, rate: Rate, n: float, now: float) -> float:
        """Seconds until `n` may be taken; more than the burst may be taken once the bucket is full."""
        missing = min(n, rate.burst) - self.level
        return max(0.0, self.at - now) + max(0.0, missing) / rate.per_s

    def take(self, n: float) -> None:
        self.level -= n
