"""Settings checked against their JSON Schema, with sentences instead of a validator's messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from evals_app.engine.schema_words import known_names, missing, phrase, unknown


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
    for name, value in config.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(str(name), "This must be an ordinary number.")
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        raise ConfigError(_field_of(error), _sentence(error))


def defaults_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The default of each setting that has one."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    return {name: about["default"] for name, about in properties.items() if "default" in about}


def _field_of(error: ValidationError) -> str:
    if error.absolute_path:
        return str(error.absolute_path[0])
    if error.validator == "required":
        return missing(error)[0]
    return unknown(error)[0] if error.validator == "additionalProperties" else ""


def _sentence(error: ValidationError) -> str:
    if error.validator == "additionalProperties":
        known = ", ".join(known_names(error))
        return f"There is no setting called “{unknown(error)[0]}”. There are: {known}."
    if error.validator in ("required", "pattern") or (error.validator, error.validator_value) == (
        "minLength",
        1,
    ):
        return "This is needed. Fill it in."
    return f"This {phrase(error)}."
