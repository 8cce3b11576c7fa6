"""The ledger: one row per attempt, written before it and completed after it, whatever is sent twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from llmops.core.models import ModelCall
from llmops.core.services import calls_begin, calls_finish, calls_orphan
from llmops.ids import uuid7
from llmops.providers.base import Usage
from llmops.providers.calls import CallState
from llmops.providers.gateway import CallContext, CallEnd, CallPurpose, CallStart, Price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_ledger")]
NOW = datetime.now(UTC)


def start(**changes: Any) -> CallStart:
    context = CallContext(1, CallPurpose.RUN, run_id=7, result_id=changes.pop("result_id", 70))
    whole = CallStart(uuid7(), NOW, context, connection_id=3, vendor="practice", model="echo", attempt=1)
    return replace(whole, **changes)


def end(**changes: Any) -> CallEnd:
    whole = CallEnd(
        state=CallState.OK,
        finished_at=NOW + timedelta(seconds=1),
        latency_ms=1000,
        first_token_ms=200,
        usage=Usage(100, 20, 10),
        cost_usd=Decimal("0.000123456"),
        price=Price(Decimal("1.5"), Decimal("6"), None, "test"),
        error_kind="",
        error_message="",
        status_code=200,
        retry_after_s=None,
        finish_reason="stop",
        response_model="echo-1",
        response_id="r1",
    )
    return replace(whole, **changes)


def test_an_attempt_is_in_flight_before_it_is_answered() -> None:
    calls_begin([start()])
    call = ModelCall.objects.get()
    assert (call.state, call.run_id, call.result_id, call.finished_at) == ("in_flight", 7, 70, None)


def test_an_end_completes_its_row_and_says_what_the_run_spent() -> None:
    first, second = start(), start(attempt=2)
    calls_begin([first, second])
    assert calls_finish([(first, end()), (second, end())]) == {7: Decimal("0.000246912")}
    call = ModelCall.objects.get(id=first.id)
    assert (call.state, call.latency_ms, call.input_tokens, call.cached_input_tokens) == ("ok", 1000, 100, 10)
    assert (call.cost_usd, call.input_usd_per_mtok, call.price_source) == (
        Decimal("0.000123456"),
        Decimal("1.5"),
        "test",
    )


def test_writing_twice_changes_nothing_and_spends_nothing() -> None:
    begun = start()
    calls_begin([begun, begun])
    calls_begin([begun])
    assert ModelCall.objects.count() == 1
    assert calls_finish([(begun, end())])
    assert calls_finish([(begun, end(latency_ms=5))]) == {}
    assert ModelCall.objects.get().latency_ms == 1000


def test_an_unknown_price_or_count_stays_unknown() -> None:
    begun = start()
    calls_begin([begun])
    assert calls_finish([(begun, end(usage=None, cost_usd=None, price=None))]) == {7: Decimal(0)}
    call = ModelCall.objects.get()
    assert (call.input_tokens, call.cost_usd, call.input_usd_per_mtok) == (None, None, None)


def test_an_orphan_is_marked_and_still_takes_its_late_end() -> None:
    lost, other = start(), start(result_id=71)
    calls_begin([lost, other])
    assert calls_orphan(result_ids=[70]) == 1
    assert ModelCall.objects.get(id=lost.id).state == "orphaned"
    assert ModelCall.objects.get(id=other.id).state == "in_flight"
    assert calls_finish([(lost, end())])
    assert ModelCall.objects.get(id=lost.id).state == "ok"


def test_long_texts_are_cut_to_their_columns() -> None:
    begun = start(model="m" * 500)
    calls_begin([begun])
    calls_finish([(begun, end(error_message="e" * 5000, response_id="r" * 900, finish_reason="f" * 90))])
    call = ModelCall.objects.get()
    assert (len(call.model), len(call.error_message), len(call.response_id)) == (200, 1000, 200)


def test_nothing_to_write_is_nothing() -> None:
    calls_begin([])
    assert calls_finish([]) == {}
    assert calls_orphan(result_ids=[]) == 0
