import pytest

from llmops.providers.schemas import is_closed


def closed(**fields: object) -> dict:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


TEXT = {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(city=TEXT),
        closed(places={"type": "array", "items": closed(city=TEXT)}),
        {"anyOf": [closed(a=TEXT), {"type": "null"}]},
        {**closed(a={"$ref": "#/$defs/part"}), "$defs": {"part": closed(b=TEXT)}},
        {"type": "string", "enum": ["a", "b"]},
    ],
)
def test_closed(schema: dict) -> None:
    assert is_closed(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"properties": {"city": TEXT}},
        {**closed(city=TEXT), "additionalProperties": True},
        {**closed(city=TEXT), "required": []},
        closed(inner={"type": "object", "properties": {"b": TEXT}}),
        closed(places={"type": "array", "items": {"type": "object"}}),
        {"anyOf": [closed(a=TEXT), {"type": "object"}]},
        {**closed(a=TEXT), "$defs": {"part": {"type": "object"}}},
    ],
)
def test_open(schema: dict) -> None:
    assert not is_closed(schema)
