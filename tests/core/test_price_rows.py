"""Prices of models as rows: the newest that was valid then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from llmops.core.models import ModelPrice
from llmops.core.services import price_for
from llmops.providers.base import Vendor

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def row(usd: str, *, days: int, model: str = "mine") -> None:
    ModelPrice.objects.create(
        vendor=Vendor.OPENAI_COMPATIBLE,
        model=model,
        input_usd_per_mtok=Decimal(usd),
        output_usd_per_mtok=Decimal(usd),
        valid_from=NOW + timedelta(days=days),
        source="typed",
    )


def price(at: datetime = NOW, model: str = "mine") -> Decimal | None:
    found = price_for(vendor=Vendor.OPENAI_COMPATIBLE, model=model, at=at)
    return found.input_usd_per_mtok if found else None


def test_the_newest_row_that_was_valid_then_wins() -> None:
    row("1", days=-30)
    row("2", days=-10)
    row("3", days=10)
    assert price() == 2
    assert price(NOW - timedelta(days=20)) == 1
    assert price(NOW + timedelta(days=10)) == 3
    assert price(NOW - timedelta(days=31)) is None


def test_a_price_of_the_catalogue_is_kept_as_a_row_once() -> None:
    first = price_for(vendor=Vendor.OPENAI, model="gpt-4o-mini", at=NOW)
    assert first is not None
    assert first.input_usd_per_mtok > 0
    assert price_for(vendor=Vendor.OPENAI, model="gpt-4o-mini", at=NOW) == first
    assert ModelPrice.objects.count() == 1


def test_a_price_that_nobody_knows_is_none_and_leaves_no_row() -> None:
    assert price(model="unheard-of") is None
    assert not ModelPrice.objects.exists()
