"""Prices of models: kept as rows with validity dates, filled from the price catalogue when first needed."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from llmops.core.models import ModelPrice
from llmops.providers.base import Vendor
from llmops.providers.gateway import Price
from llmops.providers.prices import catalogue_price


def price_for(*, vendor: Vendor, model: str, at: datetime | None = None) -> Price | None:
    """The price of a model at a time, or None when nobody knows it.

    The newest row that was valid then wins, so an administrator's row beats the catalogue's. Without a row
    the catalogue's price is kept as one.
    """
    at = at or timezone.now()
    row = (
        ModelPrice.objects.filter(vendor=vendor, model=model, valid_from__lte=at).order_by("-valid_from", "-pk").first()
    )
    if row is not None:
        return Price(
            input_usd_per_mtok=row.input_usd_per_mtok,
            output_usd_per_mtok=row.output_usd_per_mtok,
            cached_input_usd_per_mtok=row.cached_input_usd_per_mtok,
            source=row.source,
        )
    price = catalogue_price(vendor, model)
    if price is not None:
        _keep(vendor, model, price, at)
    return price


def _keep(vendor: Vendor, model: str, price: Price, at: datetime) -> None:
    try:
        with transaction.atomic():
            ModelPrice.objects.create(
                vendor=vendor,
                model=model,
                input_usd_per_mtok=price.input_usd_per_mtok,
                output_usd_per_mtok=price.output_usd_per_mtok,
                cached_input_usd_per_mtok=price.cached_input_usd_per_mtok,
                valid_from=at,
                source=price.source,
            )
    except IntegrityError:
        return  # another process kept it in the same microsecond
