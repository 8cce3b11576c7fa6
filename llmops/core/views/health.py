"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from llmops.core.access import open_page


@open_page
def livez(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


@open_page
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, 503 when not. Redis down is shown as degraded: pages still work."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "down", "database": "down"}, status=503)
    redis_state = "ok" if _redis_answers() else "down"
    return JsonResponse({"status": "ok" if redis_state == "ok" else "degraded", "database": "ok", "redis": redis_state})


def _redis_answers() -> bool:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
