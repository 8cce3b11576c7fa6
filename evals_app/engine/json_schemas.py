"""JSON Schemas that people bring: nothing is fetched, nothing runs for long.

What a validator does on its own and this one does not: look up a remote `$ref` (refused when the schema is
saved), backtrack in `pattern` (see safe_regex), compare each pair for `uniqueItems`, and follow doubling
`$ref`s for hours (each keyword first looks at the clock).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import jsonschema
from jsonschema.exceptions import SchemaError, ValidationError, relevance
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from evals_app.engine.json_keywords import OutOfTime, guarded, time_limit
from evals_app.engine.safe_regex import BadPattern, TooSlow, compiled
from evals_app.engine.schema_words import path, phrase, shown

TIME_S = 0.8
MOST_SCHEMA_CHARS = 200_000
MOST_ERRORS = 100

_DRAFTS = (
    jsonschema.Draft4Validator,
    jsonschema.Draft6Validator,
    jsonschema.Draft7Validator,
    jsonschema.Draft201909Validator,
    jsonschema.Draft202012Validator,
)
_BY_ADDRESS = {str(d.META_SCHEMA.get("$id") or d.META_SCHEMA.get("id")).rstrip("#"): d for d in _DRAFTS}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class BadSchema(ValueError):
    """The schema cannot be used; the message says why and what to do."""


class Misfit(NamedTuple):
    """Where a value does not fit (`answers[2].name`; "" is the whole), and how ("must be a text")."""

    where: str
    what: str


def check_schema(schema: Any) -> None:
    """Raise BadSchema when it is no schema, refers to what it does not hold, or has an unusable pattern."""
    try:
        size = len(json.dumps(schema, allow_nan=False))
        if size > MOST_SCHEMA_CHARS:
            raise BadSchema(f"The schema has {size:,} characters; {MOST_SCHEMA_CHARS:,} are allowed.")
        draft = _draft_of(schema)
        _check_parts(schema, top=True)
        draft.check_schema(schema)
        _check_references(schema, draft)
    except SchemaError as wrong:
        where = f" at {path(wrong)}" if wrong.absolute_path else ""
        raise BadSchema(f"The schema is wrong{where}: {shown(wrong.instance)} {phrase(wrong)}.") from wrong
    except RecursionError as deep:
        raise BadSchema("The schema is nested too deeply.") from deep
    except BadSchema:
        raise
    except ValueError as odd:
        raise BadSchema(f"The schema is no JSON: {odd}.") from odd


def first_misfit(schema: Any, value: Any) -> Misfit | None:
    """The most telling place where the value does not fit, or None when it fits.

    Raises TooSlow when that cannot be told within about a second, BadSchema when the schema cannot be used.
    """
    draft = _draft_of(schema)
    if isinstance(schema, Mapping):
        # A "$schema" inside would make the validator swap itself for its unguarded kind.
        schema = {name: part for name, part in schema.items() if name != "$schema"}
    errors: list[ValidationError] = []
    try:
        with time_limit(TIME_S):
            for error in guarded(draft)(schema, registry=Registry()).iter_errors(value):
                errors.append(error)
                if len(errors) >= MOST_ERRORS:
                    break
    except (OutOfTime, TooSlow, RecursionError, OverflowError) as unclear:
        if not errors:
            raise TooSlow from unclear
    except (Unresolvable, BadPattern) as wrong:
        raise BadSchema(str(wrong)) from wrong
    if not errors:
        return None
    worst = max(errors, key=relevance)
    return Misfit(path(worst), phrase(worst))


def _draft_of(schema: Any) -> Any:
    if not isinstance(schema, Mapping | bool):
        raise BadSchema('A schema is an object, like {"type": "object"}.')
    named = schema.get("$schema") if isinstance(schema, Mapping) else None
    if named is None:
        return jsonschema.Draft202012Validator
    if str(named).rstrip("#") not in _BY_ADDRESS:
        raise BadSchema(f"The draft “{str(named)[:100]}” is not known. Use {', '.join(_BY_ADDRESS)}.")
    return _BY_ADDRESS[str(named).rstrip("#")]


def _check_parts(part: Any, *, top: bool = False) -> None:
    """What can be told from each part alone."""
    if isinstance(part, list):
        if len(part) > 500 and not all(isinstance(entry, str | int | float) for entry in part):
            raise BadSchema("A list in the schema has more than 500 entries that are neither texts nor numbers.")
        for entry in part:
            _check_parts(entry)
    elif isinstance(part, dict):
        _check_object(part, top)
        for entry in part.values():
            _check_parts(entry)


def _check_object(part: dict[str, Any], top: bool) -> None:
    if not top and isinstance(part.get("$schema"), str):
        raise BadSchema("“$schema” may stand at the top only. Take the inner one out.")
    if {"unevaluatedProperties", "unevaluatedItems"} & set(part) and {
        "patternProperties",
        "dependentSchemas",
    } & set(part):
        raise BadSchema("unevaluatedProperties beside patternProperties is not supported: use additionalProperties.")
    by_name = part.get("patternProperties")
    patterns = [part.get("pattern"), *(by_name if isinstance(by_name, dict) else ())]
    for pattern in patterns:
        if isinstance(pattern, str):
            try:
                compiled(pattern, ascii_only=True)
            except BadPattern as wrong:
                raise BadSchema(f"The pattern {pattern[:100]} cannot be used. {wrong}") from wrong


def _check_references(schema: Any, draft: Any) -> None:
    address = str(draft.META_SCHEMA.get("$schema"))
    root = specification_with(address).create_resource(schema)
    _check_resource(root, Registry().resolver_with_root(root))


def _check_resource(resource: Resource[Any], resolver: Any) -> None:
    for keyword in _REFERENCES:
        target = resource.contents.get(keyword) if isinstance(resource.contents, Mapping) else None
        if not isinstance(target, str):
            continue
        try:
            resolver.lookup(target)
        except Unresolvable as lost:
            raise BadSchema(
                f"The schema refers to “{target[:200]}”, which it does not hold. Other addresses are never "
                "fetched: copy that part into “$defs” and refer to it as #/$defs/name."
            ) from lost
    for inner in resource.subresources():
        _check_resource(inner, resolver.in_subresource(inner))
