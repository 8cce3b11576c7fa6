"""A JSON Schema as a table that people fill: the fields of an answer, their types, and which must be there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EMPTY_ROWS = 3
MOST_ROWS = 100
PREFIX = "fields"
TYPES: Mapping[str, str] = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "more fields",
    "": "anything",
}


class NotASchema(ValueError):
    """The text that was pasted is no JSON object."""


@dataclass(slots=True)
class SchemaRow:
    """One field of the answer. `allowed` are the texts it may be, with commas between them; empty for any."""

    at: int
    name: str = ""
    type: str = "string"
    allowed: str = ""
    required: bool = True


class SchemaTable:
    """The fields of a JSON answer, or, for schemas that a table cannot show, the schema's text in `raw`."""

    def __init__(self, rows: list[SchemaRow], *, closed: bool = False, raw: str = "") -> None:
        self.rows = rows + [SchemaRow(len(rows) + at) for at in range(EMPTY_ROWS)]
        self.closed = closed
        self.raw = raw
        self.types = TYPES.items()

    @classmethod
    def of_schema(cls, schema: Any) -> SchemaTable:
        """The table of a stored schema."""
        rows = _rows_of(schema)
        if rows is None:
            return cls([], raw=json.dumps(schema, ensure_ascii=False, indent=2))
        return cls(rows, closed=isinstance(schema, Mapping) and schema.get("additionalProperties") is False)

    @classmethod
    def of_post(cls, data: Mapping[str, str]) -> SchemaTable:
        """The table as it was sent; rows without a name do not count."""
        rows: list[SchemaRow] = []
        for at in range(MOST_ROWS):
            name = data.get(f"{PREFIX}-{at}-name")
            if name is None:
                break
            if name.strip():
                row = SchemaRow(len(rows), name.strip(), data.get(f"{PREFIX}-{at}-type", ""))
                row.allowed = data.get(f"{PREFIX}-{at}-allowed", "").strip()
                row.required = f"{PREFIX}-{at}-required" in data
                rows.append(row)
        return cls(rows, closed=f"{PREFIX}-closed" in data, raw=data.get(f"{PREFIX}-raw", "").strip())

    @property
    def shape(self) -> SchemaRow:
        """An empty row for scripts to copy."""
        return SchemaRow(len(self.rows))

    def schema(self) -> dict[str, Any]:
        """The JSON Schema that was meant. Raises NotASchema."""
        if self.raw:
            return _parsed(self.raw)
        rows = [row for row in self.rows if row.name]
        if not rows and not self.closed:
            return {}
        schema: dict[str, Any] = {"type": "object", "properties": {row.name: _property(row) for row in rows}}
        if required := [row.name for row in rows if row.required]:
            schema["required"] = required
        if self.closed:
            schema["additionalProperties"] = False
        return schema


def _property(row: SchemaRow) -> dict[str, Any]:
    about: dict[str, Any] = {"type": row.type} if row.type in TYPES and row.type else {}
    allowed = [text.strip() for text in row.allowed.split(",") if text.strip()]
    return about | {"enum": list(dict.fromkeys(allowed))} if allowed and row.type in ("string", "") else about


def _rows_of(schema: Any) -> list[SchemaRow] | None:
    """The rows of a schema that the table itself could have made; None for any other."""
    if schema == {}:
        return []
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        return None
    required = schema.get("required", [])
    rows = [
        SchemaRow(
            at,
            str(name),
            str(about.get("type", "")) if isinstance(about, Mapping) else "",
            ", ".join(map(str, about.get("enum", []))) if isinstance(about, Mapping) else "",
            name in required,
        )
        for at, (name, about) in enumerate(schema["properties"].items())
    ]
    made = SchemaTable(rows, closed=schema.get("additionalProperties") is False).schema()
    return rows if made == dict(schema) else None


def _parsed(text: str) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise NotASchema("This is not JSON. Copy the whole schema, from { to }.") from wrong
    if not isinstance(schema, dict):
        raise NotASchema("A JSON Schema begins with { and ends with }.")
    return schema
