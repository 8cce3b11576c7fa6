"""Writing the ledger of model calls: one row per attempt, committed before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.utils import timezone

from llmops.core.choices import CallState
from llmops.core.services.locks import lock_until_commit
from llmops.core.services.messages import Rows, Statements
from llmops.providers.gateway import CallEnd, CallStart

_BEGIN_COLUMNS = {
    "id": "uuid",
    "started_at": "timestamptz",
    "project_id": "bigint",
    "purpose": "text",
    "run_id": "bigint",
    "result_id": "bigint",
    "prompt_version_id": "bigint",
    "evaluator_version_id": "bigint",
    "user_id": "bigint",
    "connection_id": "bigint",
    "vendor": "text",
    "model": "text",
    "attempt": "smallint",
}
_END_COLUMNS = {
    "state": "text",
    "finished_at": "timestamptz",
    "latency_ms": "integer",
    "first_token_ms": "integer",
    "input_tokens": "integer",
    "output_tokens": "integer",
    "cached_input_tokens": "integer",
    "cost_usd": "numeric",
    "input_usd_per_mtok": "numeric",
    "output_usd_per_mtok": "numeric",
    "price_source": "text",
    "error_kind": "text",
    "error_message": "text",
    "status_code": "smallint",
    "retry_after_s": "double precision",
    "finish_reason": "text",
    "response_model": "text",
    "response_id": "text",
}


def _array_parameters(columns: dict[str, str]) -> str:
    return ", ".join(f"%s::{kind}[]" for kind in columns.values())


_BEGIN_SQL = f"""
    INSERT INTO core_modelcall ({", ".join(_BEGIN_COLUMNS)}, state, price_source, error_kind, error_message,
                                finish_reason, response_model, response_id)
    SELECT call.*, '{CallState.IN_FLIGHT}', '', '', '', '', '', ''
      FROM unnest({_array_parameters(_BEGIN_COLUMNS)}) AS call ({", ".join(_BEGIN_COLUMNS)})
     WHERE {{which}}
    ON CONFLICT DO NOTHING
"""  # noqa: S608  only names from the tables above
# BETWEEN tells the planner which partitions to leave out, before any row is looked at.
_END_SQL = f"""
    UPDATE core_modelcall AS call
       SET {", ".join(f"{name} = ended.{name}" for name in _END_COLUMNS)}
      FROM unnest(%s::uuid[], %s::timestamptz[], {_array_parameters(_END_COLUMNS)})
           AS ended (id, started_at, {", ".join(_END_COLUMNS)})
     WHERE call.id = ended.id AND call.started_at = ended.started_at
       AND call.started_at BETWEEN %s AND %s
       AND call.state IN ('{CallState.IN_FLIGHT}', '{CallState.ORPHANED}')
    RETURNING call.run_id, call.cost_usd
"""  # noqa: S608  only names from the tables above


def calls_begin(starts: Sequence[CallStart]) -> None:
    """Write one in-flight row per attempt, in one statement."""
    if not starts:
        return
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN_SQL.format(which="true"), _begin_columns(starts))


def calls_begin_by(
    message: Statements, starts: Sequence[CallStart], *, runs: tuple[str, Sequence[Any]], read: Callable[[Rows], object]
) -> None:
    """The same as a part of a message, for those attempts whose run is found by the query `runs` with its parameters;
    `read` is told the ids that it finds."""
    query, parameters = runs
    if not starts:
        message.add(query, parameters, read=read)
        return
    begin = _BEGIN_SQL.format(which="call.run_id IN (SELECT id FROM open)")
    message.add(
        f"WITH open AS ({query}), begun AS ({begin}) SELECT id FROM open",  # noqa: S608  its caller's own text
        [*parameters, *_begin_columns(starts)],
        read=read,
    )


def calls_finish(ends: Sequence[tuple[CallStart, CallEnd]]) -> dict[int, Decimal]:
    """Write how attempts ended, in one statement; return what each run spent by it, in US dollars.

    Writing the same end again changes nothing and spends nothing.
    """
    spent: dict[int, Decimal] = {}
    if not ends:
        return spent
    with connection.cursor() as cursor:
        cursor.execute(*calls_finish_sql(ends))
        for run_id, cost_usd in cursor.fetchall():
            if run_id is not None:
                spent[run_id] = spent.get(run_id, Decimal(0)) + (cost_usd or 0)
    return spent


def calls_finish_sql(ends: Sequence[tuple[CallStart, CallEnd]]) -> tuple[str, list[Any]]:
    """The same as a statement with its parameters, for a part of a larger one. It returns each attempt's run_id and
    cost_usd, which may be NULL. `ends` must not be empty."""
    rows = [(start.id, start.started_at, *_end_row(end)) for start, end in ends]
    begun = [start.started_at for start, _ in ends]
    return _END_SQL, [*_columns(rows), min(begun), max(begun)]


def calls_orphan(*, result_ids: Sequence[int]) -> int:
    """Mark attempts that were in flight for these results when their worker died. Returns how many."""
    if not result_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_modelcall SET state = %s, finished_at = now() WHERE state = %s AND result_id = ANY(%s)",
            [CallState.ORPHANED.value, CallState.IN_FLIGHT.value, list(result_ids)],
        )
        return cursor.rowcount


class DirectLedger:
    """Writes every attempt at once: for single calls, such as Try it and the test of a connection.

    Gives the database connection back to the pool after each write, so that slow models do not hold it.
    """

    async def begin(self, start: CallStart) -> None:
        await sync_to_async(_write_and_let_go)(lambda: calls_begin([start]))

    async def finish(self, start: CallStart, end: CallEnd) -> None:
        await sync_to_async(_write_and_let_go)(lambda: calls_finish([(start, end)]))


def _write_and_let_go(write: Callable[[], object]) -> None:
    try:
        write()
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _begin_columns(starts: Sequence[CallStart]) -> list[list[Any]]:
    return _columns(_begin_row(start) for start in starts)


def _begin_row(start: CallStart) -> tuple[Any, ...]:
    context = start.context
    return (
        start.id,
        start.started_at,
        context.project_id,
        str(context.purpose),
        context.run_id,
        context.result_id,
        context.prompt_version_id,
        context.evaluator_version_id,
        context.user_id,
        start.connection_id,
        str(start.vendor),
        start.model[:200],
        start.attempt,
    )


def _end_row(end: CallEnd) -> tuple[Any, ...]:
    usage, price = end.usage, end.price
    return (
        str(end.state),
        end.finished_at,
        end.latency_ms,
        end.first_token_ms,
        usage.input_tokens if usage else None,
        usage.output_tokens if usage else None,
        usage.cached_input_tokens if usage else None,
        end.cost_usd,
        price.input_usd_per_mtok if price else None,
        price.output_usd_per_mtok if price else None,
        price.source[:120] if price else "",
        str(end.error_kind),
        end.error_message[:1000],
        end.status_code,
        end.retry_after_s,
        end.finish_reason[:30],
        end.response_model[:200],
        end.response_id[:200],
    )


def ledger_partitions_ensure(*, today: date | None = None, months: int = 3) -> None:
    """Make the ledger's partitions for this month and the following ones. Idempotent.

    A month whose rows are in the default partition already stays there: making its partition would fail.
    """
    first = (today or timezone.now().date()).replace(day=1)
    for _ in range(months):
        following = (first + timedelta(days=32)).replace(day=1)
        _partition_ensure(first, following)
        first = following


def _partition_ensure(first: date, following: date) -> None:
    name = f"core_modelcall_{first:%Y_%m}"
    with transaction.atomic(), connection.cursor() as cursor:
        lock_until_commit("core_modelcall partitions")
        cursor.execute(
            "SELECT to_regclass(%s) IS NOT NULL OR EXISTS"
            " (SELECT 1 FROM core_modelcall_default WHERE started_at >= %s AND started_at < %s)",
            [name, first, following],
        )
        if not cursor.fetchone()[0]:
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF core_modelcall"
                f" FOR VALUES FROM ('{first:%Y-%m-%d} 00:00+00') TO ('{following:%Y-%m-%d} 00:00+00')"
            )
