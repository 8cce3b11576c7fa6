"""What surrounds every request: a name for it, from where it comes, and how long it took."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template import loader
from django.utils.decorators import sync_and_async_middleware
from psycopg.errors import IdleInTransactionSessionTimeout
from structlog.contextvars import bound_contextvars

from llmops.core.acting import acting
from llmops.core.visitors import address_of
from llmops.metrics import REQUESTS, SECONDS
from llmops.problems import problem

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
RETRY_AFTER_S = 5
UNAVAILABLE = (
    "The database does not answer just now, or too many ask at once. Nothing was done: try again in a few seconds."
)
_GOOD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def observe(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Give every request an id, which is in all its log lines and in the answer, and count it.

    An id that came along in X-Request-Id is kept when it is one: letters, digits, dot, dash and underscore, 64 at
    most. Anything else could forge lines of a log.
    """
    if iscoroutinefunction(get_response):

        async def observe_async(request: HttpRequest) -> HttpResponseBase:
            request_id, began_at = request_id_of(request), time.perf_counter()
            with bound_contextvars(request_id=request_id), acting(address=address_of(request), request_id=request_id):
                response = await get_response(request)
            return _observed(request, response, request_id, began_at)

        return observe_async
    answer = cast(Answer, get_response)

    def observe_sync(request: HttpRequest) -> HttpResponseBase:
        request_id, began_at = request_id_of(request), time.perf_counter()
        with bound_contextvars(request_id=request_id), acting(address=address_of(request), request_id=request_id):
            response = answer(request)
        return _observed(request, response, request_id, began_at)

    return observe_sync


class Hooks:
    """Middleware that does nothing around a request by itself: its hooks are called before the view, or when that
    failed."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Answer | AsyncAnswer) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self._get_response(request)


class Unavailable(Hooks):
    """Answers 503 and not 500 when the database cannot be had: it is silent, or all connections are taken.

    Nothing is broken then and nothing was done, so whoever asks may ask again.
    """

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if not (isinstance(error, OperationalError | InterfaceError) or _was_frozen(error)):
            return None
        log.warning("The database could not be had: %s", error)
        if request.path.startswith("/api/"):
            answer: HttpResponseBase = JsonResponse(problem("unavailable", UNAVAILABLE), status=503)
        else:
            answer = HttpResponse(loader.render_to_string("503.html"), status=503)
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
        return answer


def _was_frozen(error: Exception) -> bool:
    """Whether Postgres had ended the session, because this process lay still in a transaction for too long."""
    return isinstance(error, InternalError) and isinstance(error.__cause__, IdleInTransactionSessionTimeout)


def request_id_of(request: HttpRequest) -> str:
    """The id of this request: the one that came along, when it is one, or a new one. The same each time."""
    known = request.META.get("llmops.request_id")
    if known is None:
        given = request.headers.get(HEADER, "")
        known = given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex
        request.META["llmops.request_id"] = known
    return str(known)


def _observed(request: HttpRequest, response: HttpResponseBase, request_id: str, began_at: float) -> HttpResponseBase:
    # The pattern of the address and not the address: what strangers type must not become the name of a figure.
    match = request.resolver_match
    route = match.route if match is not None else "none"
    method = request.method if request.method in _METHODS else "other"
    REQUESTS.labels(route, method, str(response.status_code)).inc()
    SECONDS.labels(route).observe(time.perf_counter() - began_at)
    response.headers[HEADER] = request_id
    return response
