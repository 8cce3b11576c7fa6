"""What /metrics tells of the core: signs of life and the ledger's last hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from django.db import connection
from prometheus_client.metrics_core import Metric

from llmops.core.choices import CallState
from llmops.metrics import gauge

# The ledger is partitioned by started_at, which its key begins with: only the last hour's rows are read.
_LEDGER = """
    SELECT vendor, state, count(*), coalesce(sum(cost_usd), 0)
      FROM core_modelcall WHERE started_at >= now() - interval '1 hour' GROUP BY vendor, state
"""


def core_figures() -> Iterator[Metric]:
    """Ages of signs of life, and the calls of the last hour by vendor and state with what they cost."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, extract(epoch FROM clock_timestamp() - seen_at) FROM core_heartbeat")
        ages: dict[tuple[str, ...], float] = {(name,): float(seconds) for name, seconds in cursor.fetchall()}
        cursor.execute(_LEDGER)
        rows = cursor.fetchall()
    yield gauge("heartbeat_age_seconds", "Since when nothing was heard of this kind of process.", ages, ("process",))

    spent: defaultdict[tuple[str, ...], float] = defaultdict(float)
    calls: dict[tuple[str, ...], float] = {}
    for vendor, state, n, usd in rows:
        spent[(vendor,)] += float(usd)
        for each in CallState:
            calls.setdefault((vendor, each.value), 0.0)
        calls[(vendor, state)] = n
    yield gauge("spend_usd_last_hour", "What model calls of the last hour cost, in US dollars.", spent, ("vendor",))
    yield gauge("model_calls_last_hour", "Model calls begun in the last hour.", calls, ("vendor", "state"))
