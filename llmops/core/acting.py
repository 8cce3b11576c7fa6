"""On whose behalf the code runs now, so that services can note it without being told by everybody who calls them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmops.core.models import ApiKey, User


@dataclass(slots=True)
class Acting:
    """A request, and who was found to be behind it. Outside of requests, in commands and workers, nobody is."""

    address: str = ""
    request_id: str = ""
    user: User | None = None
    api_key: ApiKey | None = None


_now: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(*, address: str, request_id: str) -> Iterator[None]:
    """Within this a request is answered."""
    token = _now.set(Acting(address, request_id))
    try:
        yield
    finally:
        _now.reset(token)


def acting_now() -> Acting:
    """What is known of who acts."""
    return _now.get() or Acting()


def acts(*, user: User | None = None, api_key: ApiKey | None = None) -> None:
    """Say who is behind the request. Without a request nothing is kept."""
    now = _now.get()
    if now is not None:
        now.user, now.api_key = user, api_key
