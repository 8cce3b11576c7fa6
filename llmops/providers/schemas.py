"""What vendors ask of a JSON Schema before they enforce it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_closed(schema: Any) -> bool:
    """True when every object in the schema lists all its fields as required and allows no others."""
    if isinstance(schema, list):
        return all(is_closed(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        fields = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", [])) != set(fields):
            return False
    return all(is_closed(part) for part in schema.values())
