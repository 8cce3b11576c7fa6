"""What a run will take, said before it starts: calls, cost, time. Estimates, from plain arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

CHARS_PER_TOKEN = 4
"""What English text comes to on average; vendors' own `usage` is what is billed."""

START_S = 1.0
"""Until the first call goes out: somebody has to hear of the run and prepare it."""
CALL_S = 0.1
"""What the platform itself adds to a call: it is written down before it is sent, and its answer saved."""
CALL_ALONE_S = 0.004
"""Of which so much cannot be done for two calls at the same time, however many are in flight."""
DOUBT = 1.5
"""How much longer than worked out a run of which nothing else is known may well take."""


@dataclass(frozen=True, slots=True)
class CallEstimate:
    """One kind of call of a run: how many, how long the texts, what a million tokens cost (None: unknown).

    `latency_s` is how long a call takes; limits are calls and tokens a minute, None for none; `at_once` is how many
    are answered at the same time, None for all that are sent. Calls with the same `connection` share its limits and
    its places; without one, they have theirs alone.
    """

    calls: int
    input_tokens: float
    output_tokens: float
    input_usd_per_mtok: Decimal | None
    output_usd_per_mtok: Decimal | None
    latency_s: float
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    at_once: int | None = None
    connection: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """Calls, cost in US dollars (None: a price is not known) and seconds of a run: likely, and hardly more than."""

    calls: int
    cost_usd: Decimal | None
    seconds: float
    most_seconds: float


def tokens_of(text_chars: int) -> int:
    """Tokens of so many characters, rounded up."""
    return math.ceil(text_chars / CHARS_PER_TOKEN)


def quote(kinds: Sequence[CallEstimate], *, concurrency: int, doubt: float = DOUBT) -> Quote:
    """The quote for these calls, so many at a time: the slowest of working through them, of the platform's own part,
    of waiting for those who answer, and of waiting for limits. Times `doubt` it is the most that it should take.
    """
    costs = [_cost_usd(kind) for kind in kinds]
    known = [cost for cost in costs if cost is not None]
    calls = sum(kind.calls for kind in kinds)
    seconds = START_S + _seconds(kinds, max(concurrency, 1)) if calls else 0.0
    return Quote(
        calls=calls,
        cost_usd=sum(known, Decimal(0)) if len(known) == len(costs) else None,
        seconds=seconds,
        most_seconds=seconds * doubt,
    )


def _seconds(kinds: Sequence[CallEstimate], concurrency: int) -> float:
    sharing = _by_connection(kinds)
    return max(
        sum(kind.calls * (kind.latency_s + CALL_S) for kind in kinds) / concurrency,
        sum(kind.calls for kind in kinds) * CALL_ALONE_S,
        *(kind.latency_s + CALL_S for kind in kinds if kind.calls),
        *(_answering_s(each) for each in sharing),
        *(_limited_s(each) for each in sharing),
    )


def _cost_usd(kind: CallEstimate) -> Decimal | None:
    if kind.calls == 0:
        return Decimal(0)
    if kind.input_usd_per_mtok is None or kind.output_usd_per_mtok is None:
        return None
    a_call = (
        Decimal(kind.input_tokens) * kind.input_usd_per_mtok + Decimal(kind.output_tokens) * kind.output_usd_per_mtok
    )
    return (kind.calls * a_call / 1_000_000).quantize(Decimal("0.000001"))


def _by_connection(kinds: Sequence[CallEstimate]) -> list[list[CallEstimate]]:
    sharing: dict[object, list[CallEstimate]] = {}
    for at, kind in enumerate(kinds):
        alone = ("alone", at)
        sharing.setdefault(alone if kind.connection is None else kind.connection, []).append(kind)
    return list(sharing.values())


def _answering_s(sharing: Sequence[CallEstimate]) -> float:
    """Seconds that whoever answers needs for all calls of one connection, with only so many at once."""
    return sum(kind.calls * kind.latency_s / kind.at_once for kind in sharing if kind.at_once)


def _limited_s(sharing: Sequence[CallEstimate]) -> float:
    """Seconds that the limits of one connection impose; the first minute's allowance is there at once."""
    calls = sum(kind.calls for kind in sharing)
    tokens = sum(kind.calls * (kind.input_tokens + kind.output_tokens) for kind in sharing)
    waits = [
        60 * (need - allowed) / allowed
        for need, allowed in (
            (calls, sharing[0].requests_per_minute),
            (tokens, sharing[0].tokens_per_minute),
        )
        if allowed
    ]
    return max([0.0, *waits])
