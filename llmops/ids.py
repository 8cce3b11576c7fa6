"""Identifiers: those that clients make themselves, unique without asking the database, and numbers of rows as typed."""

from __future__ import annotations

import secrets
import time
import uuid

_VERSION_7 = 0x7
_VARIANT_RFC = 0b10


def uuid7(now_ms: int | None = None) -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits.

    `now_ms` is the Unix time in milliseconds; without it, the clock of this machine. Raises ValueError
    when it does not fit into 48 bits. Two ids of the same millisecond are in no particular order.
    """
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    if not 0 <= stamp < 1 << 48:
        raise ValueError(f"{stamp} ms does not fit into the 48 bits of a version 7 UUID")
    random_bits = secrets.randbits(74)
    high = (stamp << 16) | (_VERSION_7 << 12) | (random_bits >> 62)
    low = (_VARIANT_RFC << 62) | (random_bits & ((1 << 62) - 1))
    return uuid.UUID(int=(high << 64) | low)


def row_number(text: str) -> int | None:
    """The number of a row as it stands in an address; None for anything else, which no row has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
