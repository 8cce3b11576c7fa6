"""regex: patterns, kind ones and hostile ones."""

import time

import pytest

from evals_app.engine import KINDS, ConfigError, Sample, ScoreState, mark
from evals_app.engine.safe_regex import TooSlow, compiled


def regex(output, pattern, **config):
    return mark("regex", {"pattern": pattern, **config}, Sample({}, output))


@pytest.mark.parametrize(
    ("output", "pattern", "config", "value"),
    [
        ("Order AB-1234 is late", r"[A-Z]{2}-\d{4}", {}, 1.0),
        ("Order 1234", r"[A-Z]{2}-\d{4}", {}, 0.0),
        ("ok", "^OK$", {}, 0.0),
        ("ok", "^OK$", {"ignore_case": True}, 1.0),
        ("ok\n", "^ok$", {}, 1.0),
        ("fine ok", "ok", {"whole_answer": True}, 0.0),
        ("ok", "ok|fine", {"whole_answer": True}, 1.0),
        ("okfine", "ok|fine", {"whole_answer": True}, 0.0),
        ("a\nb", "a.b", {}, 0.0),
        ("a\nb", "a.b", {"dot_is_newline": True}, 1.0),
        ("a\nb", "^b$", {}, 0.0),
        ("a\nb", "^b$", {"by_line": True}, 1.0),
        ("", "x", {}, 0.0),
        ("", "x?", {}, 1.0),
        ("das Über", r"\bÜber\b", {}, 1.0),
        ("Zürich", r"^\w+$", {}, 1.0),
        ("a\u00a0b", r"a\sb", {}, 1.0),
        ("Zürich", "^[a-zü]+$", {"ignore_case": True}, 1.0),
        ("漢字", r"^\p{Han}+$", {}, 1.0),
        ("\ud800 ok", "ok", {}, 1.0),
        ("é", r"(?U)é.*", {}, 1.0),
    ],
)
def test_matches(output, pattern, config, value):
    KINDS["regex"].check_config({"pattern": pattern, **config})
    assert regex(output, pattern, **config).value == value


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "needed"),
        ("(", "round bracket"),
        ("a)", "round bracket"),
        ("[a", "square bracket"),
        ("*a", "nothing before it"),
        ("a**", "Two repetitions"),
        ("a++", "Two repetitions"),
        ("a\\", "single backslash"),
        ("(?=a)", "Look-ahead"),
        ("(?<!a)b", "Look-ahead"),
        (r"(a)\1", "Back references"),
        ("(?P=n)", "back references"),
        ("a{2000}", "1,000"),
        ("((((a{10}){10}){10}){10}){10}", "1,000"),
        (r"\p{L}{1000}", "too large"),
        (r"\Z", "not known"),
        ("[z-a]", "cannot be read"),
        ("x" * 2_001, "2,000"),
        ("\ud800[", "square bracket"),
    ],
)
def test_unusable_patterns_are_refused_with_a_sentence(pattern, words):
    with pytest.raises(ConfigError) as refused:
        KINDS["regex"].check_config({"pattern": pattern})
    assert refused.value.field == "pattern"
    assert words in refused.value.message
    assert mark("regex", {"pattern": pattern or "("}, Sample({}, "x")).state == ScoreState.ERROR


HOSTILE = [
    (r"(a+)+$", "a" * 50_000 + "b"),
    (r"(a|a)*$", "a" * 50_000 + "b"),
    (r"(a|aa)+$", "a" * 50_000 + "b"),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 50_000),
    (r"(?:x+x+)+y", "x" * 50_000),
    (r"(.*a){25}", "a" * 30 + "b" * 10_000),
    (r"(\w+\s?)*$", "word " * 20_000 + "!"),
    (r"\d+\d+\d+\d+$", "1" * 50_000 + "x"),
    (r"(a?){30}a{30}$", "a" * 29),
    (r"(.*)*x", "a" * 100_000),
    (r"(?i)(?:[a-zß]*)*!", "ſ" * 50_000),
    # Beyond ASCII, where the linear engine knows too little.
    (r"(\w+\s?)*$", "wört " * 20_000 + "!"),
    (r"(\w|\w\w)+\b$", "é" * 50_000 + "!"),
    # Linear, but with a constant that makes a megabyte last half a minute.
    (r"(a?){999}a{999}b", "a" * 1_000_000),
    (r"(?:[a-z]{0,999}x)", "a" * 1_000_000),
    (r"((a|b){0,30}){0,30}c", "ab" * 500_000),
    (r".{0,990}Z.{0,990}", "漢字" * 500_000),
]


@pytest.mark.parametrize(("pattern", "text"), HOSTILE, ids=[f"{n}" for n in range(len(HOSTILE))])
def test_hostile_patterns_end_within_a_second(pattern, text):
    started = time.process_time()
    found = regex(text, pattern)
    assert time.process_time() - started < 1
    assert found.state in (ScoreState.SCORED, ScoreState.UNSCORED)
    if found.state == ScoreState.UNSCORED:
        assert "took too long" in found.reason
        assert found.value is None


def test_the_linear_engine_answers_where_backtracking_would_give_up():
    assert regex("a" * 50_000 + "b", r"(a+)+$").value == 0.0


def test_cut_off_is_unscored_and_not_no():
    with pytest.raises(TooSlow):
        compiled(r"(\w+\s?)*$").find("wört " * 20_000 + "!")
    assert regex("wört " * 20_000 + "!", r"(\w+\s?)*$").state == ScoreState.UNSCORED


def test_both_engines_agree_on_ascii_and_beyond():
    """The same answer with one letter swapped for one beyond ASCII is judged the same."""
    for pattern in (r"^\w+$", r"\bword\b", r"^[^\s]+$", r"\D", r"(?i)WORD"):
        for text in ("word", "word 1", "a word", "words", "1"):
            assert (
                regex(text, pattern).value
                == regex(text.replace("o", "ö"), pattern.replace("o", "ö").replace("O", "Ö")).value
            )
