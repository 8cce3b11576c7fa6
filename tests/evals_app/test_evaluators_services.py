"""Metrics: made, changed as new versions, archived, tried before they are stored."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from evals_app.engine import KINDS, Sample, ScoreState
from evals_app.forms.schema_table import SchemaTable
from evals_app.models import EvaluatorVersion
from evals_app.services.evaluator_trying import evaluator_try
from evals_app.services.evaluators import (
    EvaluatorNameTaken,
    EvaluatorProblem,
    evaluator_archive,
    evaluator_change,
    evaluator_create,
    evaluator_draft,
)
from llmops.core.models import ModelCall
from tests.core.factories import Room, make_room

QUESTION = {"question": "Is it polite?"}


@pytest.mark.django_db
def test_a_change_is_a_new_version_and_none_is_none(room: Room) -> None:
    first = evaluator_create(project=room.project, name="Correct", kind="exact", config={})
    assert (first.number, first.value_type, first.direction, first.margin) == (1, "yes_no", "higher", 2.0)
    same = evaluator_change(first.evaluator, config={})
    assert same.pk == first.pk
    second = evaluator_change(first.evaluator, config={"ignore_case": False}, author=room.admin)
    assert (second.number, second.config, second.created_by) == (2, {"ignore_case": False}, room.admin)
    third = evaluator_change(first.evaluator, config={"ignore_case": False}, margin=5)
    assert third.number == 3
    first.refresh_from_db()
    assert first.config == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        ("colour", {}, "kind"),
        ("exact", {"colour": 1}, "config.colour"),
        ("exact", {"ignore_case": "yes"}, "config.ignore_case"),
        ("regex", {}, "config.pattern"),
        ("regex", {"pattern": "(a"}, "config.pattern"),
        ("numeric", {"tolerance": -1}, "config.tolerance"),
        ("json_schema", {"schema": {"type": "colour"}}, "config.schema"),
        ("rubric", {}, "config.question"),
        ("rubric", {**QUESTION, "scale": "categories"}, "config.categories"),
        ("rubric", {"question": "a\x00b"}, "config"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(room: Room, kind: str, config: dict[str, object], field: str) -> None:
    with pytest.raises(EvaluatorProblem) as refused:
        evaluator_create(project=room.project, name="x", kind=kind, config=config)
    assert refused.value.field == field
    assert refused.value.message.endswith(".")
    assert not EvaluatorVersion.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("margin", [-0.1, 101, float("nan")])
def test_a_margin_is_points_of_a_hundred(room: Room, margin: float) -> None:
    with pytest.raises(EvaluatorProblem, match="0 to 100"):
        evaluator_create(project=room.project, name="x", kind="exact", config={}, margin=margin)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "a/b", "kinds", "x" * 121])
def test_names_that_cannot_stand_in_an_address_are_refused(room: Room, name: str) -> None:
    with pytest.raises(EvaluatorProblem) as refused:
        evaluator_create(project=room.project, name=name, kind="exact", config={})
    assert refused.value.field == "name"


@pytest.mark.django_db
def test_a_name_is_taken_once_in_a_project(room: Room) -> None:
    made = evaluator_create(project=room.project, name="Correct", kind="exact", config={})
    evaluator_create(project=make_room().project, name="Correct", kind="exact", config={})
    with pytest.raises(EvaluatorNameTaken, match="already a metric"):
        evaluator_create(project=room.project, name="Correct", kind="contains", config={})
    evaluator_archive(made.evaluator)
    with pytest.raises(EvaluatorNameTaken, match="archived metric"):
        evaluator_create(project=room.project, name="Correct", kind="contains", config={})


@pytest.mark.django_db
def test_a_judge_takes_its_connections_model_when_none_is_named(room: Room) -> None:
    judge = room.practice(model="fixed:Grade: yes")
    made = evaluator_create(project=room.project, name="a", kind="rubric", config=QUESTION, connection=judge)
    assert made.model == "fixed:Grade: yes"
    bare = room.practice(name="bare")
    with pytest.raises(EvaluatorProblem) as refused:
        evaluator_create(project=room.project, name="b", kind="rubric", config=QUESTION, connection=bare)
    assert refused.value.field == "config.model"
    nobody = evaluator_create(project=room.project, name="c", kind="rubric", config=QUESTION)
    assert (nobody.connection, nobody.model) == (None, "")


@pytest.mark.django_db
def test_trying_a_code_metric_marks_without_a_call(room: Room) -> None:
    draft = evaluator_draft(kind="exact", config={})
    sample = Sample(inputs={}, output="Yes.", expected="yes")
    tried = async_to_sync(evaluator_try)(draft, sample, project=room.project, user=room.admin)
    assert (tried.mark.state, tried.mark.value, tried.cost_usd, tried.n_calls) == (ScoreState.SCORED, 1.0, 0, 0)
    assert not ModelCall.objects.filter(project_id=room.project.pk).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("model", "state", "value"),
    [
        ("fixed:Polite.\nGrade: yes", ScoreState.SCORED, 1.0),
        ("fixed:Rude.\nGrade: no", ScoreState.SCORED, 0.0),
        ("fixed:I would rather not say.", ScoreState.UNSCORED, None),
    ],
)
def test_trying_a_judge_asks_once_and_is_in_the_ledger(
    room: Room, model: str, state: ScoreState, value: float | None
) -> None:
    draft = evaluator_draft(kind="rubric", config=QUESTION, connection=room.practice(), model=model)
    sample = Sample(inputs={"question": "Hello?"}, output="Good day!")
    tried = async_to_sync(evaluator_try)(draft, sample, project=room.project, user=room.admin)
    assert (tried.mark.state, tried.mark.value) == (state, value)
    assert tried.mark.reason
    call = ModelCall.objects.get(project_id=room.project.pk)
    assert (call.project_id, call.purpose, call.user_id, call.model) == (
        room.project.pk,
        "try_it",
        room.admin.pk,
        model,
    )


@pytest.mark.django_db
def test_trying_a_judge_that_nobody_is_says_what_to_do(room: Room) -> None:
    draft = evaluator_draft(kind="rubric", config=QUESTION)
    tried = async_to_sync(evaluator_try)(draft, Sample(inputs={}, output="x"), project=room.project, user=room.admin)
    assert tried.mark.state is ScoreState.UNSCORED
    assert "Choose a connection" in tried.mark.reason


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]},
        {
            "type": "object",
            "properties": {"a": {"type": "string", "enum": ["x", "y z"]}},
            "additionalProperties": False,
        },
    ],
)
def test_a_schema_that_a_table_can_show_comes_back_as_it_was(schema: dict[str, object]) -> None:
    table = SchemaTable.of_schema(schema)
    assert table.raw == ""
    assert table.schema() == schema
    sent = {
        f"fields-{row.at}-{name}": str(getattr(row, name)) for row in table.rows for name in ("name", "type", "allowed")
    }
    sent |= {f"fields-{row.at}-required": "on" for row in table.rows if row.required}
    sent |= {"fields-closed": "on"} if table.closed else {}
    assert SchemaTable.of_post(sent).schema() == schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
        {"type": "object", "properties": {"a": {"enum": ["x, y"]}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {"enum": [1]}}},
        {"type": "object", "properties": {"a": {}}, "required": ["b"]},
        True,
    ],
)
def test_any_other_schema_is_shown_as_its_text(schema: object) -> None:
    assert SchemaTable.of_schema(schema).raw


def test_every_kind_has_words_for_its_choices() -> None:
    from evals_app.forms.settings_fields import WORDS

    for kind in KINDS.values():
        for name, about in kind.config_schema["properties"].items():
            assert set(about.get("enum", ())) <= set(WORDS.get(name, {})), (kind.name, name)
