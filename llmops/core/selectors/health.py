"""Reading signs of life and the state of rate limits."""

from __future__ import annotations

from datetime import datetime

import redis
from django.conf import settings

from llmops.core.models import Connection, Heartbeat
from llmops.providers.limits import LimitState, limit_state


def worker_seen_at() -> datetime | None:
    """When a worker was last heard of."""
    return seen_at("worker")


def seen_at(name: str) -> datetime | None:
    """When a process of this kind was last heard of."""
    return Heartbeat.objects.filter(name=name).values_list("seen_at", flat=True).first()


def connection_limits(connection: Connection) -> LimitState:
    """How long a connection's limits and pauses hold calls back now; `known` is False when Redis is silent."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5)
    try:
        return limit_state(client, connection.pk, connection.requests_per_minute, connection.tokens_per_minute)
    finally:
        client.close()
