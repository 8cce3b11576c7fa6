"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from llmops.core.access import open_page
from llmops.core.selectors.readiness import DatabaseDown, migrations_pending, redis_answers


@open_page
def livez(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


@open_page
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when pages can be served, 503 when not: the database is silent, or lacks migrations of this release.

    Redis down is shown as degraded: pages still work, and runs go on.
    """
    try:
        pending = migrations_pending()
    except DatabaseDown:
        return JsonResponse({"status": "down", "database": "down"}, status=503)
    if pending:
        return JsonResponse({"status": "down", "database": "ok", "migrations": "pending"}, status=503)
    answers = redis_answers()
    return JsonResponse(
        {"status": "ok" if answers else "degraded", "database": "ok", "redis": "ok" if answers else "down"}
    )
