"""Every address of the platform, from the URLconf, so that a new page is tested as soon as it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"([\w-]+)/<(?:\w+:)?(\w+)>")


class Address(NamedTuple):
    """A page's name, with its namespace, and its path."""

    name: str
    path: str


def routes(resolver: URLResolver | None = None, prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Every name with its route."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route, f"{pattern.app_name}:" if pattern.app_name else space)
        else:
            assert isinstance(pattern, URLPattern)
            yield f"{space}{pattern.name}", route


def addresses(of: Mapping[str, object], *, api: bool = False) -> list[Address]:
    """All pages (or all of the API), with what `of` says filled in.

    `of` maps the word before a parameter to its value: "runs" to 7 for `runs/<int:run_id>/`. A route with a word that
    is not there fails: say what it shall be filled with.
    """
    found = []
    for name, route in routes():
        if route.startswith("api/") is api:
            found.append(Address(name, "/" + _filled(route, of)))
    assert len(found) > 10
    return found


def _filled(route: str, of: Mapping[str, object]) -> str:
    def value(match: re.Match[str]) -> str:
        before = match[1]
        assert before in of, f"{route}: say in the test what comes after {before}/"
        return f"{before}/{quote(str(of[before]), safe='')}"

    return _PARAMETER.sub(value, route)
