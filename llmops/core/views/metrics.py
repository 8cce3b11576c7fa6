"""Figures for Prometheus."""

from __future__ import annotations

import hmac
import ipaddress
import os

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from llmops.core.access import open_page
from llmops.metrics import RowsCollector, RowsReader

_REFUSED = "These figures are for this machine alone. Set LLMOPS_METRICS_TOKEN and send it as a bearer token.\n"
_PATIENCE_MS = 3000
_FORWARDED = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO"),
    *("HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA"),
)


@open_page
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures, in Prometheus' text format: for whoever has the token, or without one for this machine alone.

    Requests are the sum over the web processes of this machine. What is read from rows is the same from everywhere.
    """
    if not _may_read(request):
        return HttpResponse(_REFUSED, status=403, content_type="text/plain; charset=utf-8")
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(RowsCollector(_read))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    # Behind a proxy on this machine everybody comes from this machine.
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(name in request.META for name in _FORWARDED)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _read(reader: RowsReader) -> list[Metric] | None:
    """What a reader has to say; None when the database does not answer in time."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(_PATIENCE_MS)])
            return list(reader())
    except DatabaseError:
        return None
