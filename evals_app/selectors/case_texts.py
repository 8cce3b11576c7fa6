"""Looking into the texts of cases without loading them."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.db.models import BooleanField, CharField, F, Func, JSONField, Q, TextField, Value
from django.db.models.functions import Cast

from evals_app.models import Case


class AnyValueMatches(Func):
    """Whether the values of a JSON object match a jsonpath. (Half the time of jsonb_each_text and ILIKE.)"""

    template = "jsonb_path_exists(%(expressions)s::jsonpath)"
    arity = 2
    output_field = BooleanField()


class Ilike(Func):
    """Whether a text matches a LIKE pattern in any case of letters. (Django's icontains takes UPPER of all texts.)"""

    template = "%(expressions)s"
    arg_joiner = " ILIKE "
    arity = 2
    output_field = BooleanField()


class Beginnings(Func):
    """A JSON object of texts, each cut after `chars` characters."""

    template = (
        "(SELECT coalesce(jsonb_object_agg(field.key, left(field.value, %(chars)s)), '{}')"
        " FROM jsonb_each_text(%(expressions)s) AS field)"
    )
    arity = 1
    output_field = JSONField()


def has_text(search: str) -> Q:
    """Cases with this text in their inputs, their expected answer or their key, in any case of letters.

    Names of inputs do not count, so the object as a text, which is quick, only says where looking closer is worth it.
    """
    as_json, in_values, like, _ = text_parameters(search)
    pattern = Value(like, output_field=CharField())
    maybe = Q(Ilike(Cast(F("inputs"), TextField()), Value(as_json, output_field=CharField())))
    return (
        maybe & Q(AnyValueMatches(F("inputs"), Value(in_values)))
        | Q(Ilike(F("expected"), pattern))
        | Q(Ilike(F("case__key"), pattern))
    )


def text_sql(version: str) -> str:
    """`has_text` for a row called `version` in a statement of one's own; it takes `text_parameters`."""
    return (
        f"({version}.inputs::text ILIKE %s AND jsonb_path_exists({version}.inputs, %s::jsonpath)"
        f" OR {version}.expected ILIKE %s"
        f" OR EXISTS (SELECT FROM {Case._meta.db_table} AS owner"
        f" WHERE owner.id = {version}.case_id AND owner.key ILIKE %s))"
    )


def text_parameters(search: str) -> list[Any]:
    """A pattern for the inputs as JSON and a jsonpath for them, then patterns for the expected answer and the key."""
    quoted = json.dumps(search, ensure_ascii=False)
    in_values = f'$.* ? (@ like_regex {quoted} flag "iq")'
    pattern = _anywhere(search)
    return [_anywhere(quoted[1:-1]), in_values, pattern, pattern]


def _anywhere(text: str) -> str:
    return f"%{connection.ops.prep_for_like_query(text)}%"
