"""Pages that are not there or not allowed: the frame of the project stays around them, with a way back."""

from __future__ import annotations

import re
from contextlib import suppress

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from llmops.core.access import enter_project, open_page
from llmops.panels import NavItem, navigation

_IN_PROJECT = re.compile(r"/p/(?P<slug>[-\w]+)/")


@open_page
def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404. What somebody may not know of looks like what does not exist."""
    return _refused(request, "404.html", status=404)


@open_page
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: there is such a page, for people with another role."""
    return _refused(request, "403.html", status=403)


def _refused(request: HttpRequest, template: str, *, status: int) -> HttpResponse:
    _enter_project(request)
    nearest = _nearest_page(request)
    return render(request, template, {"nav": nearest.key if nearest else "", "nearest": nearest}, status=status)


def _enter_project(request: HttpRequest) -> None:
    """Take the project from the address where no page did: the address itself may be unknown."""
    found = _IN_PROJECT.match(request.path)
    if found is None or hasattr(request, "project") or not request.user.is_authenticated:
        return
    with suppress(Http404):
        enter_project(request, request.user, slug=found["slug"])


def _nearest_page(request: HttpRequest) -> NavItem | None:
    """The list that the address lies under, such as Prompts for a prompt that is gone."""
    entries: list[NavItem] = navigation(request).get("nav_items", [])
    above = [item for item in entries if request.path.startswith(item.url) and request.path != item.url]
    nearest = max(above, key=lambda item: len(item.url), default=None)
    return None if nearest is None or nearest.key == "home" else nearest
