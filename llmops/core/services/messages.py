"""Several statements in one message to the database: each message costs a turn of both processes at the processor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import NotSupportedError, ProgrammingError, connection, transaction
from psycopg.errors import DuplicatePreparedStatement, FeatureNotSupported, InvalidSqlStatementName

Rows = list[tuple[Any, ...]]

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?s")
_prepared: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()
"""The names of the texts that were prepared in each session."""
_NOT_AS_PREPARED = (InvalidSqlStatementName, DuplicatePreparedStatement, FeatureNotSupported)
"""A pooler has changed sessions between two transactions, or a migration the type of a column that is returned."""


class _Statement(NamedTuple):
    text: str
    parameters: Sequence[Any] | Mapping[str, Any]
    read: Callable[[Rows], object] | None


class Statements:
    """Statements that are sent together and run in order: all of them or none, since one message is one transaction
    where none is open.

    `add` takes a statement with its parameters and what to do with the rows that it returns. Postgres keeps the plan
    of each text, so texts are to be few: planning one of them can take longer than running it.
    """

    def __init__(self) -> None:
        self._statements: list[_Statement] = []

    def add(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any], read: Callable[[Rows], object] | None = None
    ) -> None:
        self._statements.append(_Statement(text, parameters, read))

    def send(self) -> None:
        """Run them all. What one of them raises undoes those before it."""
        statements, self._statements = self._statements, []
        if not statements:
            return
        try:
            _execute_prepared(statements)
        except (ProgrammingError, NotSupportedError) as error:
            if connection.in_atomic_block or not isinstance(error.__cause__, _NOT_AS_PREPARED):
                raise
            _forget_prepared()
            _execute_one_by_one(statements)


def _execute_prepared(statements: Sequence[_Statement]) -> None:
    texts, parameters = list[str](), list[Any]()
    for text, given, _read in statements:
        names = dict.fromkeys(_PLACEHOLDER.findall(text)) if isinstance(given, Mapping) else ()
        values = [given[name] for name in names] if isinstance(given, Mapping) else given
        arguments = f" ({', '.join(['%s'] * len(values))})" if values else ""
        texts.append(f"EXECUTE {_prepared_as(text)}{arguments}")
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(";\n".join(texts), parameters)
        for statement in statements:
            if statement.read is not None:
                statement.read(cursor.fetchall())
            cursor.nextset()


def _execute_one_by_one(statements: Sequence[_Statement]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for text, parameters, read in statements:
            cursor.execute(text, parameters)
            if read is not None:
                read(cursor.fetchall())


def _forget_prepared() -> None:
    _prepared.pop(connection.connection, None)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")


def _prepared_as(text: str) -> str:
    """The name under which this session has this text, with $1, $2 ... for its placeholders."""
    connection.ensure_connection()
    names = _prepared.setdefault(connection.connection, {})
    if text not in names:
        numbers, next_number = dict[str, int](), count(1)

        def numbered(placeholder: re.Match[str]) -> str:
            name = placeholder[1]
            return f"${numbers.setdefault(name, len(numbers) + 1) if name else next(next_number)}"

        name = f"llmops_{len(names)}"
        with connection.cursor() as cursor:
            cursor.execute(f"PREPARE {name} AS {_PLACEHOLDER.sub(numbered, text)}")
        names[text] = name
    return names[text]
