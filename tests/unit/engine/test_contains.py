"""contains: words that must be in the answer."""

import pytest

from evals_app.engine import Sample, ScoreState, mark


def contains(output, expected=None, **config):
    return mark("contains", config, Sample({}, output, expected))


@pytest.mark.parametrize(
    ("output", "expected", "value"),
    [
        ("The capital is PARIS, of course.", "paris", 1.0),
        ("The capital is Paris, of course.", "Paris.", 1.0),
        ("new\n\nyork city", "New York", 1.0),
        ("ｐａｒｉｓ", "Paris", 1.0),
        ("know", "no", 1.0),
        ("London", "Paris", 0.0),
        ("", "Paris", 0.0),
        ("Par is", "Paris", 0.0),
    ],
)
def test_the_expected_answer_is_looked_for(output, expected, value):
    assert contains(output, expected).value == value


@pytest.mark.parametrize("expected", [None, "", " "])
def test_without_an_expected_answer_there_is_no_score(expected):
    """An empty text would be in every answer: it is no expected answer."""
    assert contains("anything", expected).state == ScoreState.UNSCORED


def test_all_or_any():
    texts = {"texts": ["passport", "photo", "fee"]}
    assert contains("Bring your passport, a photo and the fee.", **texts).value == 1.0
    missing = contains("Bring your passport.", **texts)
    assert missing.value == 0.0
    assert missing.reason == "The answer does not contain “photo”, “fee”."
    assert contains("Bring your passport.", **texts, mode="any").value == 1.0
    assert contains("Bring nothing.", **texts, mode="any").value == 0.0


@pytest.mark.parametrize(
    ("output", "text", "value"),
    [
        ("I know.", "no", 0.0),
        ("No, thanks.", "no", 1.0),
        ("13 and 33", "3", 0.0),
        ("13 and 3", "3", 1.0),
        ("Über uns", "über", 1.0),
        ("drüber", "über", 0.0),
        ("I like C++.", "C++", 1.0),
        ("costs $5", "$5", 1.0),
        ("costs $50", "$5", 0.0),
        ("a.b", "a.b", 1.0),
        ("axb", "a.b", 0.0),
        ("no_one", "no", 0.0),
    ],
)
def test_whole_words(output, text, value):
    assert contains(output, texts=[text], whole_words=True).value == value


def test_several_in_the_expected_answer():
    assert contains("a photo", "passport\nphoto", expected_holds="lines", mode="any").value == 1.0
    assert contains("a photo", "passport\nphoto", expected_holds="lines").value == 0.0


def test_case_can_count():
    assert contains("paris", "Paris", ignore_case=False).value == 0.0


def test_many_words_are_summed_up():
    assert contains("", texts=[f"w{n}" for n in range(9)]).reason.endswith("and 4 more.")
