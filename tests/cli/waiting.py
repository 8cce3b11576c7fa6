"""Waiting for a condition, bounded; never for time to pass."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def until(ask: Callable[[], T], *, within_s: float = 30.0) -> T:
    """The first true answer of `ask`; fails the test when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not so within {within_s:g} s; last answer: {answer!r}"
        time.sleep(0.02)
    return answer


def lives(pid: int) -> bool:
    """Whether the process is there and not merely a dead one that nobody has fetched yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
