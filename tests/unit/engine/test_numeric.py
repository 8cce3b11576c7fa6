"""numeric: which number an answer gives, and how near it must be."""

import json
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals_app.engine import KINDS, ConfigError, Sample, ScoreState, mark
from evals_app.engine.numbers import first_number, last_number

GSM8K = Path(__file__).parents[4] / "shared" / "data" / "gsm8k_solutions.jsonl"


def numeric(output, expected, **config):
    return mark("numeric", config, Sample({}, output, expected))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", "18"),
        ("#### 18", "18"),
        ("So 16 - 3 - 4 = <<16-3-4=9>>9 eggs.\nA: 18", "18"),
        ("The answer is 42.", "42"),
        ("42, I think", "42"),
        ("007", "7"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("x = –5", "-5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("+5", "5"),
        ("- 5 apples", "5"),
        ("(5)", "5"),
        ("5-10", "10"),
        ("5–10", "10"),
        ("5 - 3 = 2", "2"),
        (".5", "0.5"),
        ("0.5.", "0.5"),
        ("Rs.500", "500"),
        ("No.5", "5"),
        # both signs, and one of them
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567,89", "1234567.89"),
        ("1,234", "1234"),
        ("1.234", "1.234"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("12,34,567", "1234567"),
        ("0,125", "0.125"),
        ("3,5", "3.5"),
        ("1,2345", "1.2345"),
        ("12,5", "12.5"),
        ("1 234 567", "1234567"),
        ("1 234,5", "1234.5"),
        ("1\u202f234,5", "1234.5"),
        ("10 000", "10000"),
        ("1'234.50", "1234.5"),
        ("1’234", "1234"),
        ("1{,}234", "1234"),
        (r"1\,234", "1234"),
        ("in 2020 300 people", "300"),
        ("1,2,3", "3"),
        ("1, 2, 3", "3"),
        # currency, per cent, units
        ("$1,234.56.", "1234.56"),
        ("12.345,67 €", "12345.67"),
        ("€ 5", "5"),
        ("9,99€", "9.99"),
        ("20%", "20"),
        ("3,5 %", "3.5"),
        ("20 percent", "20"),
        ("5km", "5"),
        ("5 m²", "5"),
        ("2nd", "2"),
        # fractions, powers, words
        ("3/4", "0.75"),
        ("-3/4", "-0.75"),
        ("1 1/2", "1.5"),
        (r"\frac{3}{4}", "0.75"),
        (r"$\dfrac{1}{8}$", "0.125"),
        (r"\boxed{42}", "42"),
        (r"\boxed{-\frac{1}{2}}", "-0.5"),
        ("1.5e3", "1500"),
        ("1E-2", "0.01"),
        ("1.5 × 10^3", "1500"),
        (r"1.5 \times 10^{-3}", "0.0015"),
        ("1.5 x 10³", "1500"),
        ("2 million", "2000000"),
        ("1.5 billion dollars", "1500000000"),
        ("3 thousandths", "3"),
        # other digits
        ("３５", "35"),
        ("٣٫٥", "3.5"),
        ("१२", "12"),
        # numbers beside what is none
        ("42 (as of 2024-05-12)", "42"),
        ("7 at 12:30", "7"),
        ("7 on 12/05/2024", "7"),
        ("7 with GPT-4", "7"),
        ("7 in v1.2.3", "7"),
        ("7 = 0x1F?", "7"),
    ],
)
def test_the_number_of_a_text(text, value):
    found = last_number(text)
    assert found is not None and found.value == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "four",
        "COVID-19",
        "GPT-4",
        "H2O",
        "x2",
        "2024-05-12",
        "2024-05-12T10:00:00Z",
        "12/05/2024",
        "12:30",
        "3:1",
        "1.2.3",
        "192.168.1.1",
        "2^10",
        "5²",
        "0x1F",
        "5/0",
        "NaN",
        "Infinity",
        "½",
        "Ⅳ",
        "9" * 100,
    ],
)
def test_no_number(text):
    assert last_number(text) is None


def test_the_settings_decide_what_is_ambiguous():
    assert last_number("1,234", decimal="comma").value == Decimal("1.234")
    assert last_number("1.234", decimal="comma").value == 1234
    assert last_number("1,234", decimal="point").value == 1234
    assert last_number("1.5", decimal="comma").value == Decimal("1.5")
    assert last_number("1,5", decimal="point").value == Decimal("1.5")
    assert last_number("20 %", percent="fraction").value == Decimal("0.2")
    assert first_number("7 of 9").value == 7


@pytest.mark.parametrize(
    ("output", "expected", "config", "value"),
    [
        ("It is 12.", "12", {}, 1.0),
        ("It is 12.0", "12", {}, 1.0),
        ("It is 12.1", "12", {}, 0.0),
        ("It is 12.1", "12", {"tolerance": 0.1}, 1.0),
        ("It is 0.3", "0.1", {"tolerance": 0.2}, 1.0),
        ("It is 12.11", "12", {"tolerance": 0.1}, 0.0),
        ("105", "100", {"tolerance_percent": 5}, 1.0),
        ("95", "100", {"tolerance_percent": 5}, 1.0),
        ("105.01", "100", {"tolerance_percent": 5}, 0.0),
        ("-95", "-100", {"tolerance_percent": 5}, 1.0),
        ("0.001", "0", {"tolerance_percent": 50}, 0.0),
        ("0.001", "0", {"tolerance_percent": 50, "tolerance": 0.01}, 1.0),
        ("12", "-12", {}, 0.0),
        ("$1,200", "1200 €", {}, 1.0),
        ("20 %", "0.2", {"percent": "fraction"}, 1.0),
        ("20 %", "0.2", {}, 0.0),
        ("12 of 15 are right", "12", {"which": "first"}, 1.0),
        ("12 of 15 are right", "12", {}, 0.0),
        ("no idea", "12", {}, 0.0),
        ("", "12", {}, 0.0),
        ("0.333333333333333333333333333333", "1/3", {"tolerance": 1e-12}, 1.0),
        ("123456789012345678901234567890", "123456789012345678901234567891", {}, 0.0),
        ("1e300", "1e-300", {"tolerance_percent": 10}, 0.0),
        ("0.1", "0.1000000000000000055511151231257827", {}, 0.0),
    ],
)
def test_near_enough(output, expected, config, value):
    KINDS["numeric"].check_config(config)
    found = numeric(output, expected, **config)
    assert (found.state, found.value) == (ScoreState.SCORED, value)


@pytest.mark.parametrize("expected", [None, "", " ", "about five", "n/a"])
def test_without_an_expected_number_there_is_no_score(expected):
    found = numeric("5", expected)
    assert (found.state, found.value) == (ScoreState.UNSCORED, None)
    assert "expected answer" in found.reason


def test_the_reason_says_which_number_was_read():
    assert numeric("about 1.234,5 km", "1200").reason == (
        "The number is 1234.5 (read from “1.234,5”), expected 1200; it is 34.5 off."
    )


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"tolerance": -1}, "tolerance"),
        ({"tolerance": "1"}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"tolerance": float("inf")}, "tolerance"),
        ({"tolerance_percent": None}, "tolerance_percent"),
        ({"which": "middle"}, "which"),
    ],
)
def test_wrong_settings_are_refused(config, field):
    with pytest.raises(ConfigError) as refused:
        KINDS["numeric"].check_config(config)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "filler",
    [
        "1",
        "1,",
        "1.",
        "1 ",
        "-",
        "$",
        "$ ",
        "1 111 ",
        "1/",
        "1:",
        "1e",
        "1^",
        "1 1/",
        "\\frac{",
        "x1",
        "１",
        "1'",
    ],
)
def test_a_megabyte_is_read_in_linear_time(filler):
    """CPU seconds: a quadratic reader needs half a minute."""
    started = time.process_time()
    last_number(filler * (1_000_000 // len(filler)))
    first_number(filler * (1_000_000 // len(filler)) + " x")
    assert time.process_time() - started < 4


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=4))
def test_however_a_number_is_grouped_it_is_the_same(number):
    english, other = f"{number:,.4f}", f"{number:,.4f}".translate(str.maketrans(",.", ".,"))
    for written in (english, other, english.replace(",", " "), other.replace(".", "'"), f"€{english} in all"):
        assert last_number(f"It is {written}").value == number


@given(st.text(max_size=60))
def test_any_text_can_be_read(text):
    numeric(text, "5")
    numeric("5", text)


@pytest.mark.skipif(
    not GSM8K.exists(),
    reason="the published solutions of GSM8K, ../shared/data, do not come with the code: nothing is wrong",
)
def test_marks_of_real_solutions_are_those_that_were_published():
    """GSM8K (Cobbe et al. 2021): four models, the last number of each solution against the truth."""
    published = {
        "6b_finetuning": 133,
        "6b_verification": 259,
        "175b_finetuning": 248,
        "175b_verification": 372,
    }
    right = dict.fromkeys(published, 0)
    for line in GSM8K.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for model in published:
            found = numeric(row[model]["solution"], row["ground_truth"])
            assert bool(found.value) == row[model]["is_correct"], (row[model]["solution"], found.reason)
            right[model] += row[model]["is_correct"]
    assert right == published
