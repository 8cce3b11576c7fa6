"""jsonschema's keywords with a clock, linear-time patterns, linear `uniqueItems` and exact `multipleOf`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal, localcontext
from functools import cache
from typing import Any

from jsonschema import validators
from jsonschema.exceptions import ValidationError

from evals_app.engine.safe_regex import compiled

# Enough for the quotient of the largest and the smallest float.
_EXACT_DIGITS = 1_000

Keyword = Callable[[Any, Any, Any, Any], Any]

_deadline: ContextVar[float] = ContextVar("json_schema_deadline")


class OutOfTime(Exception):
    """The time limit is over."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Within it, guarded validators raise OutOfTime when the time is over."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


@cache
def guarded(draft: Any) -> Any:
    """The validator class of a draft with every keyword guarded."""
    keywords = dict(draft.VALIDATORS) | {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
    }
    extended: Any = validators.extend  # it is not typed
    return extended(draft, {name: _with_clock(keyword) for name, keyword in keywords.items()})


def _with_clock(keyword: Keyword) -> Keyword:
    def guarded_keyword(validator: Any, limit: Any, instance: Any, schema: Any) -> Any:
        _look_at_clock()
        return keyword(validator, limit, instance, schema)

    return guarded_keyword


def _look_at_clock() -> None:
    if time.monotonic() > _deadline.get():
        raise OutOfTime


def _matches(pattern: str, text: str) -> bool:
    _look_at_clock()
    return compiled(pattern, ascii_only=True).find(text) is not None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError("does not match")


def _pattern_properties(validator: Any, by_pattern: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    for pattern, subschema in by_pattern.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in named or any(_matches(pattern, name) for pattern in patterns):
            continue
        if isinstance(allowed, Mapping):
            yield from validator.descend(value, allowed, path=name)
        elif not allowed:
            yield ValidationError("additional property")


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not wanted or not isinstance(instance, list):
        return
    seen: set[Any] = set()
    for entry in instance:
        _look_at_clock()
        comparable = _hashable(entry)
        if comparable in seen:
            yield ValidationError("same entry twice")
            return
        seen.add(comparable)


def _multiple_of(validator: Any, factor: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As written in decimal: 0.07 is a multiple of 0.01, which binary fractions deny."""
    if not validator.is_type(instance, "number"):
        return
    with localcontext(prec=_EXACT_DIGITS):
        if Decimal(str(instance)) % Decimal(str(factor)):
            yield ValidationError("no multiple")


def _hashable(value: Any) -> Any:
    """A stand-in that is equal exactly when the JSON values are: 1 is 1.0, but true is not 1."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ("list", tuple(map(_hashable, value)))
    if isinstance(value, dict):
        return ("object", frozenset((name, _hashable(entry)) for name, entry in value.items()))
    return value
