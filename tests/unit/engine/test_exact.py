"""exact and contains: when two texts count as the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals_app.engine import Sample, ScoreState, mark
from evals_app.engine.normalise import Normaliser


def exact(output, expected=None, **config):
    return mark("exact", config, Sample({}, output, expected))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Paris", "Paris"),
        ("paris", "PARIS"),
        ("  Paris \n", "Paris"),
        ("New\n  York", "new york"),
        ("New\u00a0York", "New York"),
        ("Paris.", "Paris"),
        ("Paris", "Paris."),
        ("Paris!!", "Paris"),
        ("Paris ...", "Paris…"),
        ("Paris 。", "Paris"),
        ("Ｐａｒｉｓ！", "Paris"),
        ("ﬁne", "fine"),
        ("STRASSE", "Straße"),
        (unicodedata.normalize("NFD", "Café"), "café"),
        ("Pa\u00adris\u200b", "Paris"),
        ("\ufeffParis", "Paris"),
        ("10 ㎏", "10 kg"),
        ("Καλημέρα ΣΑΣ", "καλημέρα σας"),
        ("?", "?"),
        ("...", "…"),
        ("C++", "c++"),
        ("U.S.", "U.S"),
    ],
)
def test_the_same(output, expected):
    assert exact(output, expected).value == 1.0


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("London", "Paris"),
        ("", "Paris"),
        ("It is Paris.", "Paris"),
        ("Paris, France", "Paris"),
        ("50%", "50"),
        ("C#", "C"),
        ("C++", "C"),
        ("(a)", "(a"),
        ("U.S.", "US"),
        ("NewYork", "New York"),
        ("cafe", "café"),
        ("?", "!"),
        ("...", "Paris"),
        ("-5", "5"),
        ("“Paris”", "Paris"),
        ("**Paris**", "Paris"),
        ("1.0", "1"),
    ],
)
def test_not_the_same(output, expected):
    assert exact(output, expected).value == 0.0


@pytest.mark.parametrize("expected", [None, "", "  \n"])
def test_without_an_expected_answer_there_is_no_score(expected):
    found = exact("Paris", expected)
    assert (found.state, found.value) == (ScoreState.UNSCORED, None)
    assert "no expected answer" in found.reason


@pytest.mark.parametrize(
    ("switch", "output", "expected"),
    [
        ("ignore_case", "paris", "Paris"),
        ("ignore_spaces", "New  York", "New York"),
        ("ignore_spaces", "Paris ", "Paris"),
        ("ignore_final_punctuation", "Paris.", "Paris"),
        ("ignore_unicode_forms", "Ｐａｒｉｓ", "Paris"),
    ],
)
def test_each_difference_can_be_made_to_count(switch, output, expected):
    assert exact(output, expected).value == 1.0
    assert exact(output, expected, **{switch: False}).value == 0.0


def test_accepted_answers_of_the_settings_come_before_the_expected_one():
    config = {"answers": ["yes", "Sure"]}
    assert exact("sure.", None, **config).value == 1.0
    assert exact("no", "no", **config).value == 0.0
    assert exact("no", "no", **config).reason == "Expected one of 2 accepted answers, but the answer is “no”."


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        ("lines", "Paris\n\nCity of Light\n"),
        ("bars", "Paris|City of Light"),
        ("semicolons", "Paris; City of Light"),
    ],
)
def test_an_expected_answer_can_hold_several(holds, expected):
    assert exact("city of light", expected, expected_holds=holds).value == 1.0
    assert exact("London", expected, expected_holds=holds).value == 0.0
    assert exact("city of light", expected).value == 0.0


def test_several_of_nothing_is_no_expected_answer():
    assert exact("", " ; ;", expected_holds="semicolons").state == ScoreState.UNSCORED


def test_reasons_are_short_and_on_one_line():
    reason = exact("long\n" * 10_000, "Paris").reason
    assert len(reason) < 200 and "\n" not in reason
    assert exact("", "Paris").reason == "The answer is empty."


@given(st.text(max_size=40))
def test_normalising_twice_is_normalising_once(text):
    same = Normaliser()
    assert same(same(text)) == same(text)


@given(st.text(max_size=40).filter(str.strip))
def test_every_text_is_the_same_as_itself(text):
    assert exact(text, text).value == 1.0
    assert exact(f"\n {text}\t", text).value == 1.0
