"""The quote: calls, cost and time, worked out by hand. A second goes by before the first call, and every call costs
its place 0.1 s of the platform's own time."""

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
    """120 x (1,000 x $2.50 + 200 x $10) / 1M = $0.54; 120 calls of 2.1 s, 10 at a time, take 25.2 s."""
    found = quote([calls(120)], concurrency=10)
    assert found == Quote(120, Decimal("0.54"), pytest.approx(26.2), pytest.approx(39.3))


def test_judges_are_called_and_paid_too():
    found = quote(
        [calls(120), calls(120, input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(0))],
        concurrency=10,
    )
    assert found == Quote(240, Decimal("0.54"), pytest.approx(51.4), pytest.approx(77.1))


def test_a_price_that_nobody_knows_makes_no_cost():
    assert quote([calls(120), calls(1, input_usd_per_mtok=None)], concurrency=10).cost_usd is None
    assert quote([calls(120), calls(0, input_usd_per_mtok=None)], concurrency=10).cost_usd == Decimal("0.54")


def test_a_run_takes_at_least_as_long_as_one_call():
    assert quote([calls(3)], concurrency=50).seconds == pytest.approx(3.1)
    assert quote([calls(3)], concurrency=0).seconds == pytest.approx(7.3)


def test_a_model_that_answers_at_once_does_not_make_the_platform_as_quick():
    """40 calls of no time, 10 at a time, are 0.4 s of the platform's; 10,000, 500 at a time, take 4 ms each."""
    assert quote([calls(40, latency_s=0.0)], concurrency=10).seconds == pytest.approx(1.4)
    assert quote([calls(10_000, latency_s=0.0)], concurrency=500).seconds == pytest.approx(41.0)


def test_what_answers_one_call_at_a_time_is_no_quicker_for_being_sent_ten():
    """A judge on the same connection waits for the same place: 40 x 2 s + 40 x 0.5 s."""
    local = {"at_once": 1, "connection": 1}
    assert quote([calls(40, **local)], concurrency=10).seconds == pytest.approx(81.0)
    assert quote([calls(40, **local), calls(40, latency_s=0.5, **local)], concurrency=10).seconds == pytest.approx(
        101.0
    )
    assert quote([calls(40, at_once=20)], concurrency=10).seconds == pytest.approx(9.4)


def test_doubt_says_how_much_longer_it_may_take():
    found = quote([calls(120)], concurrency=10, doubt=3.0)
    assert (found.seconds, found.most_seconds) == (pytest.approx(26.2), pytest.approx(78.6))


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({"requests_per_minute": 60}, 61.0),  # 120 calls: 60 at once, the other 60 within a minute
        ({"requests_per_minute": 600}, 26.2),
        ({"tokens_per_minute": 72_000}, 61.0),  # 144,000 tokens
        ({"tokens_per_minute": 36_000, "requests_per_minute": 60}, 181.0),
    ],
)
def test_limits_make_it_slower(limits, seconds):
    assert quote([calls(120, **limits)], concurrency=10).seconds == pytest.approx(seconds)


def test_calls_of_one_connection_share_its_limits():
    limits = {"requests_per_minute": 60, "latency_s": 0.1}
    alone = [calls(120, **limits), calls(120, **limits)]
    apart = [calls(120, **limits, connection=1), calls(120, **limits, connection=2)]
    shared = [calls(120, **limits, connection=1), calls(120, **limits, connection=1)]
    assert quote(alone, concurrency=10).seconds == quote(apart, concurrency=10).seconds == 61.0
    assert quote(shared, concurrency=10).seconds == 181.0


def test_nothing_to_do_costs_nothing():
    assert quote([], concurrency=10) == Quote(0, Decimal(0), 0.0, 0.0)


def test_tokens_are_a_quarter_of_the_characters():
    assert [tokens_of(n) for n in (0, 1, 4, 5, 400)] == [0, 1, 1, 2, 100]
