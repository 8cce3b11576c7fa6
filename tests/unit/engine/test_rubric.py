"""rubric: the question that a judge gets, and what its reply becomes."""

import pytest

from evals_app.engine import KINDS, ConfigError, Sample, ScoreState, ValueType
from evals_app.engine.scorers.rubric import judge_mark, judge_messages, judge_schema

TOPICS = {"question": "What is it about?", "scale": "categories", "categories": ["card", "lost card", "loan"]}


def test_the_judge_sees_the_whole_case():
    sample = Sample({"question": "How?"}, "So.", "Thus.", "Manual p. 4", "Hm.", "Too short")
    system, user = judge_messages({"question": "Is it right?"}, sample)
    assert system.role == "system" and user.role == "user"
    for text in ("Is it right?", "How?", "So.", "Thus.", "Manual p. 4", "Hm.", "Too short", '"yes" or "no"'):
        assert text in user.content


@pytest.mark.parametrize(
    ("config", "answer", "value", "label"),
    [
        ({"question": "Polite?"}, '{"reason": "r", "grade": "yes"}', 1.0, ""),
        ({"question": "Polite?"}, '{"reason": "r", "grade": "no"}', 0.0, ""),
        ({"question": "How good?", "scale": "one_to_five"}, '{"reason": "r", "grade": 3}', 3.0, ""),
        (TOPICS, '{"reason": "r", "grade": "lost card"}', None, "lost card"),
        (TOPICS | {"good_categories": ["card"]}, '{"reason": "r", "grade": "card"}', 1.0, "card"),
        (TOPICS | {"good_categories": ["card"]}, '{"reason": "r", "grade": "loan"}', 0.0, "loan"),
    ],
)
def test_a_reply_becomes_a_mark(config, answer, value, label):
    KINDS["rubric"].check_config(config)
    found = judge_mark(config, answer)
    assert (found.state, found.value, found.label, found.reason) == (ScoreState.SCORED, value, label, "r")


@pytest.mark.parametrize("answer", ["", "I'd rather not.", '{"grade": "maybe"}', "Yes and no."])
def test_an_unreadable_reply_is_unscored_with_its_reason(answer):
    found = judge_mark({"question": "Polite?"}, answer)
    assert (found.state, found.value, found.label) == (ScoreState.UNSCORED, None, "")
    assert found.reason.startswith("The judge")


def test_each_scale_has_its_type_of_value():
    rubric = KINDS["rubric"]
    assert rubric.value_type({"question": "x"}) == ValueType.YES_NO
    assert rubric.value_type({"question": "x", "scale": "one_to_five"}) == ValueType.NUMBER
    assert rubric.value_type(TOPICS) == ValueType.CATEGORY


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "question"),
        ({"question": "  "}, "question"),
        ({"question": 5}, "question"),
        ({"question": "x" * 20_001}, "question"),
        ({"question": "x", "scale": "ten"}, "scale"),
        ({"question": "x", "scale": "categories"}, "categories"),
        ({"question": "x", "scale": "categories", "categories": ["a"]}, "categories"),
        ({"question": "x", "scale": "categories", "categories": ["a", "a"]}, "categories"),
        ({"question": "x", "scale": "categories", "categories": ["a", " "]}, "categories"),
        ({"question": "x", "scale": "categories", "categories": ["a", "b" * 201]}, "categories"),
        ({"question": "x", "scale": "yes_no", "categories": ["a", "b"]}, "categories"),
        (TOPICS | {"good_categories": ["other"]}, "good_categories"),
        ({"question": "x", "judge": "gpt"}, "judge"),
    ],
)
def test_wrong_settings_are_refused(config, field):
    with pytest.raises(ConfigError) as refused:
        KINDS["rubric"].check_config(config)
    assert refused.value.field == field
    assert refused.value.message.endswith(".")


def test_the_reply_can_be_held_to_a_schema():
    assert judge_schema(TOPICS)["properties"]["grade"]["enum"] == TOPICS["categories"]
    assert judge_schema({"question": "x"})["properties"]["grade"]["enum"] == ["yes", "no"]
