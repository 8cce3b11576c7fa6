"""Settings checked against their JSON Schema, with sentences instead of a validator's messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "yes or no (true or false)",
    "array": "a list",
    "object": "an object",
    "null": "empty",
}


class ConfigError(ValueError):
    """A setting that cannot be used: `field` is its name ("" for all of them), `message` says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def check_against(schema: Mapping[str, Any], config: object) -> None:
    """Raise ConfigError for the most telling thing that does not fit the schema."""
    if not isinstance(config, Mapping):
        raise ConfigError("", "The settings must be an object, like {}.")
    _check_finite(config)
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        raise ConfigError(_field_of(error), _sentence(error))


def defaults_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The default of each setting that has one."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    return {name: about["default"] for name, about in properties.items() if "default" in about}


def _check_finite(config: Mapping[str, Any]) -> None:
    for name, value in config.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(str(name), "This must be an ordinary number.")


def _field_of(error: ValidationError) -> str:
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return ".".join([*map(str, error.absolute_path), *missing[:1]])
    if error.validator == "additionalProperties" and not error.absolute_path:
        return str(_unknown(error)[0])
    return str(error.absolute_path[0]) if error.absolute_path else ""


def _unknown(error: ValidationError) -> list[str]:
    known = error.schema.get("properties", {})
    return sorted(str(name) for name in error.instance if name not in known)


def _sentence(error: ValidationError) -> str:
    limit = error.validator_value
    match error.validator:
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            return f"This must be {' or '.join(_TYPES[kind] for kind in kinds)}."
        case "enum":
            return f"This must be one of: {', '.join(map(str, limit))}."
        case "required":
            return "This is needed. Fill it in."
        case "additionalProperties":
            known = ", ".join(error.schema.get("properties", {}))
            return f"There is no setting called “{_unknown(error)[0]}”. There are: {known}."
        case "minLength" | "pattern":
            return "This is needed. Fill it in."
        case "maxLength":
            return f"This is too long: {len(error.instance):,} characters, where {limit:,} are allowed."
        case "minItems":
            return f"At least {limit} {'entry is' if limit == 1 else 'entries are'} needed."
        case "maxItems":
            return f"At most {limit} entries are allowed; there are {len(error.instance):,}."
        case "uniqueItems":
            return "The same entry is there twice."
        case "minimum":
            return f"This must be {limit} or more."
        case "maximum":
            return f"This must be {limit} or less."
        case _:
            return f"This does not fit: {error.message[:200]}."
