"""Looking into the texts of cases without loading them."""

from __future__ import annotations

from django.db import connection
from django.db.models import BooleanField, F, Func, JSONField, Q, Value


class AnyValueLike(Func):
    """Whether a value of a JSON object matches a LIKE pattern, in any case of letters."""

    template = "EXISTS (SELECT FROM jsonb_each_text(%(expressions)s))"
    arg_joiner = ") AS field WHERE field.value ILIKE ("
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
    """Cases with this text in their inputs, their expected answer or their key, in any case of letters."""
    pattern = f"%{connection.ops.prep_for_like_query(search)}%"
    return Q(AnyValueLike(F("inputs"), Value(pattern))) | Q(expected__icontains=search) | Q(case__key__icontains=search)
