"""The JSON Schema that a dataset may have for the inputs of its cases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evals_app.engine.json_reading import NotJson, read_json
from evals_app.engine.json_schemas import BadSchema, Misfit, check_schema, first_misfit
from evals_app.engine.safe_regex import TooSlow


def input_schema_problem(schema: Any) -> str:
    """Why this cannot be the schema of inputs, in a sentence; empty when it can."""
    if not isinstance(schema, Mapping):
        return 'The schema of inputs is an object, like {"type": "object"}.'
    try:
        check_schema(schema)
    except BadSchema as wrong:
        return str(wrong)
    if "\\u0000" in json.dumps(schema):
        return "The schema holds a character that cannot be stored (NUL). Take it out."
    return ""


def input_misfit(schema: Mapping[str, Any] | None, inputs: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that does not fit the schema, and how; None when all fit or there is no schema.

    Inputs are texts. Where a text does not fit, the number, yes/no, list or object that it is written as may.
    """
    if not schema:
        return None
    values: dict[str, Any] = dict(inputs)
    read: set[str] = set()
    try:
        while misfit := first_misfit(schema, values):
            name = _name_in(misfit, inputs)
            if not name or name in read or not _is_json(inputs[name]):
                return name or "inputs", f"By the schema of this dataset, {misfit.where or 'a case'} {misfit.what}."
            read.add(name)
            values[name] = read_json(inputs[name])
    except TooSlow:
        return "inputs", "Comparing this case with the schema of the dataset took too long. Simplify the schema."
    except BadSchema as wrong:
        return "inputs", str(wrong)
    return None


def _name_in(misfit: Misfit, inputs: Mapping[str, str]) -> str:
    """The input that a place in the inputs belongs to; "" for the inputs as a whole."""
    names = [name for name in inputs if misfit.where == name or misfit.where.startswith((f"{name}.", f"{name}["))]
    return max(names, key=len, default="")


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except NotJson:
        return False
    return True
