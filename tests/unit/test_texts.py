"""Texts as they are shown."""

from decimal import Decimal

import pytest

from llmops.texts import dollars


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0.2", "$0.20"),
        ("0.200000", "$0.20"),
        ("5", "$5.00"),
        ("100", "$100.00"),
        ("0.00417", "$0.00417"),
        ("0", "$0.00"),
    ],
)
def test_money_has_cents_and_all_the_digits_that_it_needs(amount: str, shown: str) -> None:
    assert dollars(Decimal(amount)) == shown
