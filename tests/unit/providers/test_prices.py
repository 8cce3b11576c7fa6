import socket
import subprocess
import sys
from decimal import Decimal

import pytest

from llmops.providers.base import Usage, Vendor
from llmops.providers.prices import catalogue_price


@pytest.mark.parametrize(
    ("vendor", "model", "read", "written", "cached"),
    [
        (Vendor.OPENAI, "gpt-4o", "2.50", "10", "1.25"),
        (Vendor.OPENAI, "gpt-4o-mini", "0.15", "0.6", "0.075"),
        (Vendor.ANTHROPIC, "claude-haiku-4-5", "1", "5", "0.1"),
        (Vendor.COHERE, "command-r-plus-08-2024", "2.5", "10", None),
    ],
)
def test_known_list_prices(vendor: Vendor, model: str, read: str, written: str, cached: str | None) -> None:
    price = catalogue_price(vendor, model)
    assert price is not None
    assert (price.input_usd_per_mtok, price.output_usd_per_mtok) == (Decimal(read), Decimal(written))
    assert price.cached_input_usd_per_mtok == (None if cached is None else Decimal(cached))
    assert price.source.startswith("genai-prices 0.")
    assert vendor.value in price.source


def test_prices_that_rise_with_length_give_the_ordinary_one() -> None:
    price = catalogue_price(Vendor.ANTHROPIC, "claude-sonnet-4-0")
    assert price is not None
    assert price.input_usd_per_mtok == Decimal(3)


@pytest.mark.parametrize("vendor", [Vendor.LOCAL, Vendor.PRACTICE])
def test_own_models_cost_nothing(vendor: Vendor) -> None:
    price = catalogue_price(vendor, "anything")
    assert price is not None and price.cost_usd(Usage(1_000_000, 1_000_000)) == 0


@pytest.mark.parametrize(
    ("vendor", "model"),
    [(Vendor.OPENAI, "no-such-model-at-all"), (Vendor.OPENAI_COMPATIBLE, "gpt-4o"), (Vendor.COHERE, "")],
)
def test_unknown_is_not_free(vendor: Vendor, model: str) -> None:
    assert catalogue_price(vendor, model) is None


def test_looking_up_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the catalogue went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    catalogue_price.cache_clear()
    assert catalogue_price(Vendor.OPENAI, "gpt-4o") is not None


@pytest.mark.parametrize("heavy", ["openai", "anthropic", "cohere", "httpx", "httpx2", "genai_prices", "django"])
def test_importing_the_gateway_is_cheap(heavy: str) -> None:
    code = (
        "import sys, llmops.providers.gateway, llmops.providers.prices, llmops.providers.fake;"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
