"""The quote: calls, cost and time, worked out by hand."""

from decimal import Decimal

import pytest

from evals_app.engine.quote import CallEstimate, Quote, quote, tokens_of


def calls(n, **about):
    given = {
        "input_tokens": 1_000,
        "output_tokens": 200,
        "input_usd_per_mtok": Decimal("2.50"),
        "output_usd_per_mtok": Decimal(10),
        "latency_s": 2.0,
    }
    return CallEstimate(n, **(given | about))


def test_calls_cost_and_time():
    """120 x (1,000 x $2.50 + 200 x $10) / 1M = $0.54; 120 calls of 2 s, 10 at a time, take 24 s."""
    assert quote([calls(120)], concurrency=10) == Quote(120, Decimal("0.54"), 24.0)


def test_judges_are_called_and_paid_too():
    found = quote(
        [calls(120), calls(120, input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(0))],
        concurrency=10,
    )
    assert found == Quote(240, Decimal("0.54"), 48.0)


def test_a_price_that_nobody_knows_makes_no_cost():
    assert quote([calls(120), calls(1, input_usd_per_mtok=None)], concurrency=10).cost_usd is None
    assert quote([calls(120), calls(0, input_usd_per_mtok=None)], concurrency=10).cost_usd == Decimal("0.54")


def test_a_run_takes_at_least_as_long_as_one_call():
    assert quote([calls(3)], concurrency=50).seconds == 2.0
    assert quote([calls(3)], concurrency=0).seconds == 6.0


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({"requests_per_minute": 60}, 60.0),  # 120 calls: 60 at once, the other 60 within a minute
        ({"requests_per_minute": 600}, 24.0),
        ({"tokens_per_minute": 72_000}, 60.0),  # 144,000 tokens
        ({"tokens_per_minute": 36_000, "requests_per_minute": 60}, 180.0),
    ],
)
def test_limits_make_it_slower(limits, seconds):
    assert quote([calls(120, **limits)], concurrency=10).seconds == seconds


def test_calls_of_one_connection_share_its_limits():
    limits = {"requests_per_minute": 60, "latency_s": 0.1}
    alone = [calls(120, **limits), calls(120, **limits)]
    apart = [calls(120, **limits, connection=1), calls(120, **limits, connection=2)]
    shared = [calls(120, **limits, connection=1), calls(120, **limits, connection=1)]
    assert quote(alone, concurrency=10).seconds == quote(apart, concurrency=10).seconds == 60.0
    assert quote(shared, concurrency=10).seconds == 180.0


def test_nothing_to_do_costs_nothing():
    assert quote([], concurrency=10) == Quote(0, Decimal(0), 0.0)


def test_tokens_are_a_quarter_of_the_characters():
    assert [tokens_of(n) for n in (0, 1, 4, 5, 400)] == [0, 1, 1, 2, 100]
