"""What holds for every kind of metric."""

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from evals_app.engine import KINDS, ConfigError, Direction, NeedsModel, Sample, ScoreState, ValueType, mark

SETTINGS = {
    "exact": {},
    "contains": {},
    "regex": {"pattern": "a"},
    "numeric": {},
    "json_schema": {},
    "rubric": {"question": "Is it polite?"},
}


def test_the_kinds_are_those_of_the_interface():
    assert list(KINDS) == list(SETTINGS), "a new kind needs a line in SETTINGS, an old one keeps its name"
    assert [name for name, kind in KINDS.items() if kind.uses_model] == ["rubric"]
    with pytest.raises(TypeError):
        KINDS["mine"] = KINDS["exact"]  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_form_can_be_made_of_the_settings(kind):
    Draft202012Validator.check_schema(kind.config_schema)
    json.dumps(kind.config_schema)
    for name, about in kind.config_schema["properties"].items():
        assert about["type"] and about["title"] and about["description"].endswith((".", "?")), name
        if name not in (*kind.config_schema.get("required", ()), "connection", "model"):
            assert "default" in about, name


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_people_can_read_what_it_is(kind):
    assert kind.title[0].isupper() and not kind.title.endswith(".")
    assert kind.summary.endswith(".") and len(kind.summary) < 120
    for jargon in ("regex", "schema validation", "LLM", "token", "assert", "string", "boolean"):
        assert jargon not in kind.summary + kind.title
    assert kind.direction == Direction.HIGHER


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_defaults_are_settings_that_are_accepted(kind):
    config = SETTINGS[kind.name]
    kind.check_config(config)
    kind.check_config(kind.settings(config))
    assert kind.value_type(config) == ValueType.YES_NO


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@pytest.mark.parametrize("config", [None, [], "x", 5, {"": 1}, {"nope": 1}])
def test_other_settings_are_refused(kind, config):
    with pytest.raises(ConfigError) as refused:
        kind.check_config(config)
    assert refused.value.message.endswith((".", "}."))


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@given(
    config=st.dictionaries(
        st.sampled_from(sorted({name for kind in KINDS.values() for name in kind.config_schema["properties"]})),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_any_settings_are_refused_or_work(kind, config):
    try:
        kind.check_config(config)
    except ConfigError:
        return
    if kind.uses_model:
        return
    found = mark(kind.name, config, Sample({}, "some answer 5", "5"))
    assert found.state in (ScoreState.SCORED, ScoreState.UNSCORED)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.uses_model])
@given(output=st.text(max_size=80), expected=st.none() | st.text(max_size=30))
@settings(deadline=None, max_examples=100)
def test_any_answer_gets_a_mark_with_a_reason(name, output, expected):
    found = mark(name, SETTINGS[name], Sample({}, output, expected))
    assert found.reason and "\n" not in found.reason
    if found.state == ScoreState.SCORED:
        assert found.value in (0.0, 1.0)
    else:
        assert found.value is None
    assert found == mark(name, SETTINGS[name], Sample({}, output, expected))


def test_needs_follow_the_settings():
    assert KINDS["exact"].needs == KINDS["contains"].needs == KINDS["numeric"].needs == ("expected",)
    assert KINDS["exact"].needs_of({"answers": ["a"]}) == ()
    assert KINDS["contains"].needs_of({"texts": ["a"]}) == ()
    assert KINDS["exact"].needs_of({}) == ("expected",)
    assert KINDS["regex"].needs_of(SETTINGS["regex"]) == KINDS["rubric"].needs_of(SETTINGS["rubric"]) == ()


def test_what_asks_a_model_is_not_computed():
    with pytest.raises(NeedsModel):
        mark("rubric", SETTINGS["rubric"], Sample({}, "x"))
    with pytest.raises(KeyError):
        mark("nope", {}, Sample({}, "x"))


def test_settings_that_no_longer_fit_are_an_error():
    found = mark("regex", {"pattern": "("}, Sample({}, "x"))
    assert (found.state, found.value) == (ScoreState.ERROR, None)
    assert found.reason.startswith("The settings of this metric no longer fit")


def test_the_engine_needs_no_framework():
    """In a process of its own, as another test may have imported anything."""
    code = (
        "import sys, evals_app.engine, llmops.grading, prompts_app.rendering;"
        "print({'django', 'celery', 'rest_framework', 'httpx', 'scipy', 'openpyxl'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
