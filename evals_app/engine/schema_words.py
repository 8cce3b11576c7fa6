"""What a JSON Schema validator found, in plain words."""

from __future__ import annotations

import json
from typing import Any

from jsonschema.exceptions import SchemaError, ValidationError

Found = ValidationError | SchemaError

_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "empty (null)",
}
_LIMITS = {
    "minLength": "must have at least {limit} characters",
    "maxLength": "must have at most {limit} characters",
    "minItems": "must have at least {limit} entries",
    "maxItems": "must have at most {limit} entries",
    "minProperties": "must have at least {limit} fields",
    "maxProperties": "must have at most {limit} fields",
    "minimum": "must be {limit} or more",
    "maximum": "must be {limit} or less",
    "exclusiveMinimum": "must be more than {limit}",
    "exclusiveMaximum": "must be less than {limit}",
    "multipleOf": "must be a multiple of {limit}",
    "uniqueItems": "has the same entry twice",
    "contains": "has no entry of the wanted kind",
    "anyOf": "fits none of the allowed forms",
    "oneOf": "does not fit exactly one of the allowed forms",
    "unevaluatedProperties": "has a field that is not allowed",
    "unevaluatedItems": "has an entry that is not allowed",
    "not": "has a form that is not allowed",
}


def phrase(error: Found) -> str:
    """What is wrong, to be put after the name of the thing: "must be a number"."""
    keyword: Any = error.validator
    limit: Any = error.validator_value
    if error.schema is False:
        return "is not allowed"
    match keyword:
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            return f"must be {' or '.join(_TYPES.get(kind, str(kind)) for kind in kinds)}"
        case "enum":
            return f"must be one of: {', '.join(map(_plain, limit[:20]))}{', …' if len(limit) > 20 else ''}"
        case "const":
            return f"must be {_plain(limit)}"
        case "required":
            return f"lacks “{_plain(next(iter(missing(error)), ''))}”"
        case "additionalProperties":
            return f"has “{_plain(next(iter(unknown(error)), ''))}”, which is not allowed"
        case "minLength" | "minItems" | "minProperties" if limit == 1:
            return "must not be empty"
        case "pattern":
            return f"must match the pattern {limit}"
        case _:
            return _LIMITS.get(str(keyword), f"does not fit the rule “{keyword}”").format(limit=limit)


def path(error: Found) -> str:
    """Where the value stands: `answers[2].name`; "" is the whole."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return _plain(text.removeprefix("."))


def missing(error: Found) -> list[str]:
    """The names that the object should have and has not."""
    wanted: Any = error.validator_value
    there: Any = error.instance
    return [name for name in wanted if name not in there]


def unknown(error: Found) -> list[str]:
    """The names that the object has and should not have."""
    there: Any = error.instance
    return sorted(str(name) for name in there if name not in known_names(error))


def known_names(error: Found) -> list[str]:
    schema: Any = error.schema
    return list(schema.get("properties", ()))


def shown(value: Any) -> str:
    """A value as JSON, shortened."""
    return _plain(json.dumps(value, ensure_ascii=False))


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:58] + " …"
