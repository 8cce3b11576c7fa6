"""Pages that are not there, not allowed, or no pages: the frame of the project stays around them, with a way back."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template import loader
from django.utils.decorators import sync_and_async_middleware

from llmops.core.access import enter_project, open_page
from llmops.core.middleware import Answer, AsyncAnswer, Hooks
from llmops.core.views.unknown import unknown_api_address
from llmops.panels import NavItem, navigation

_IN_PROJECT = re.compile(r"/p/(?P<slug>[-\w]+)/")


@open_page
def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400. Django's own page asks once more for the form that could not be read, and fails by it."""
    return HttpResponse(loader.render_to_string("400.html"), status=400)


@open_page
def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404. What somebody may not know of looks like what does not exist."""
    return _refused(request, "404.html", status=404)


@open_page
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: there is such a page, for people with another role."""
    return _refused(request, "403.html", status=403)


@sync_and_async_middleware
def explain_addresses_of_buttons(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Show a page where somebody opens an address that only a button of ours may ask.

    Such addresses are in the history of a browser, and where one is led after signing in once more.
    """
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            response = await get_response(request)
            return await sync_to_async(_not_to_look_at)(request, response) if _is_bare(request, response) else response

        return answer_async
    answer = cast(Answer, get_response)

    def answer_sync(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        return _not_to_look_at(request, response) if _is_bare(request, response) else response

    return answer_sync


class ZeroCharacters(Hooks):
    """The database takes no zero character, so nothing has one in its name: an address with one leads nowhere. In the
    parameters of an address it becomes what stands for characters that cannot be read."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        request.META["QUERY_STRING"] = request.META.get("QUERY_STRING", "").replace("%00", quote("\ufffd"))
        return super().__call__(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponseBase | None:
        if "\0" not in request.path_info:
            return None
        if request.path_info.startswith("/api/"):
            return unknown_api_address(request, request.path_info.removeprefix("/api/"))
        return page_not_found(request, Http404())


def _is_bare(request: HttpRequest, response: HttpResponseBase) -> bool:
    by_hand = request.method == "GET" and not request.path.startswith("/api/")
    return by_hand and response.status_code == 405


def _not_to_look_at(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    page = _refused(request, "405.html", status=405)
    page.headers["Allow"] = response.headers["Allow"]
    return page


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
