"""Datasets that say by a JSON Schema what the inputs of a case are."""

from __future__ import annotations

from typing import Any

import pytest

from evals_app.services.input_schemas import input_misfit, input_schema_problem
from tests.core.factories import Api, fields_of, make_room

SCHEMA = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "minLength": 3},
        "age": {"type": "integer", "minimum": 0},
        "zip": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["question"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        ({"question": "Why?"}, None),
        ({"question": "123", "age": "5", "zip": "12345"}, None),
        ({"question": "Why?", "tags": '["a"]'}, None),
        ({"question": "no"}, "question"),
        ({"question": "Why?", "age": "-1"}, "age"),
        ({"question": "Why?", "age": "old"}, "age"),
        ({"question": "Why?", "age": "5.5"}, "age"),
        ({"question": "Why?", "tags": "[1]"}, "tags"),
        ({"age": "5"}, "inputs"),
        ({"question": "Why?", "colour": "red"}, "inputs"),
    ],
)
def test_a_text_fits_as_text_or_as_what_it_is_written_as(inputs: dict[str, str], wrong: str | None) -> None:
    found = input_misfit(SCHEMA, inputs)
    assert (found[0] if found else None) == wrong
    assert found is None or found[1].endswith(".")


@pytest.mark.parametrize("schema", [[], "x", {"type": "colour"}, {"$ref": "http://example.com/x"}, {"title": "a\x00"}])
def test_what_is_no_schema_is_said(schema: Any) -> None:
    assert input_schema_problem(schema)


@pytest.fixture
def api(db: None) -> Api:
    return make_room().api()


def test_cases_that_do_not_fit_are_refused_everywhere(api: Api) -> None:
    assert fields_of(api.post("datasets/", {"name": "x", "input_schema": {"type": "colour"}})) == ["input_schema"]
    assert api.post("datasets/", {"name": "cards", "input_schema": SCHEMA}).status_code == 201
    right = {"inputs": {"question": "Why?", "age": 5}}
    refused = api.post("datasets/cards/cases/", {"cases": [right, {"inputs": {"question": "Why?", "age": "x"}}]})
    assert (refused.status_code, fields_of(refused)) == (422, ["age"])
    assert api.post("datasets/cards/cases/", {"cases": [right]}).json()["added"] == 1
