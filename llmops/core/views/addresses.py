"""What stands in the address of a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from llmops.ids import row_number

MOST_SEARCH_CHARS = 200


@dataclass(frozen=True, slots=True)
class Chip:
    """One choice of a filter, or one tab: where it leads, and whether it is chosen. `count` is how many it shows."""

    label: str
    url: str
    active: bool
    count: int | None = None


def query_of(request: HttpRequest, *names: str, **changes: Any) -> str:
    """The parameters `names` of this page with `changes`, "?" before them; None and "" take one away."""
    kept = {name: request.GET[name] for name in names if request.GET.get(name)}
    query = urlencode({name: value for name, value in {**kept, **changes}.items() if value not in (None, "")})
    return f"?{query}" if query else ""


def number_in(request: HttpRequest, name: str) -> int | None:
    """A parameter that is a key or a position; None when it is none."""
    return row_number(request.GET.get(name, ""))


def text_in(request: HttpRequest, name: str) -> str:
    """A parameter that is searched for."""
    return request.GET.get(name, "").strip()[:MOST_SEARCH_CHARS]
