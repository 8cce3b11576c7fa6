"""List prices of models, from the genai-prices package: no network, as of the version installed."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

from llmops.providers.base import Vendor
from llmops.providers.calls import Price

_IN_CATALOGUE = frozenset({Vendor.OPENAI, Vendor.ANTHROPIC, Vendor.COHERE})
_FREE = {
    Vendor.LOCAL: "the model runs on this machine",
    Vendor.PRACTICE: "practice models cost nothing",
}


@lru_cache(maxsize=4096)
def catalogue_price(vendor: Vendor | str, model: str) -> Price | None:
    """What this model costs today, or None when nobody knows: a model that is not in the catalogue, or
    any server that is only compatible. Where a price rises with the length of the input, the one for
    ordinary lengths."""
    vendor = Vendor(vendor)
    if vendor in _FREE:
        return Price(Decimal(0), Decimal(0), Decimal(0), source=_FREE[vendor])
    return _listed(vendor, model) if vendor in _IN_CATALOGUE else None


def _listed(vendor: Vendor, model: str) -> Price | None:
    # Imported here: the catalogue takes a quarter of a second and 25 MB.
    import genai_prices

    try:
        found = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=1, output_tokens=1), model, provider_id=vendor.value
        )
    except LookupError:
        return None
    read, written = _per_mtok(found.model_price, "input_mtok"), _per_mtok(found.model_price, "output_mtok")
    if read is None or written is None:
        return None
    return Price(
        input_usd_per_mtok=read,
        output_usd_per_mtok=written,
        cached_input_usd_per_mtok=_per_mtok(found.model_price, "cache_read_mtok"),
        source=f"genai-prices {genai_prices.__version__}, {found.provider.id} {found.model.id}",
    )


def _per_mtok(prices: Any, name: str) -> Decimal | None:
    value = getattr(prices, name, None)
    value = getattr(value, "base", value)
    return value if isinstance(value, Decimal) else None
