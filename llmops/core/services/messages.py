"""Several statements in one message to the database: each message costs a turn of both processes at the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection

Rows = list[tuple[Any, ...]]


class Statements:
    """Statements that are sent together and run in order, within the transaction that is open.

    `add` takes a statement with its parameters and what to do with the rows that it returns. Parameters are put in on
    this side, as Django does, so that a message may hold more than one statement.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._parameters: list[Any] = []
        self._readers: list[Callable[[Rows], object] | None] = []

    def add(self, text: str, parameters: Sequence[Any], read: Callable[[Rows], object] | None = None) -> None:
        self._texts.append(text)
        self._parameters += parameters
        self._readers.append(read)

    def send(self) -> None:
        """Run them all. What one of them raises ends the message there."""
        if not self._texts:
            return
        with connection.cursor() as cursor:
            cursor.execute(";\n".join(self._texts), self._parameters)
            for read in self._readers:
                if read is not None:
                    read(cursor.fetchall())
                cursor.nextset()
        self._texts, self._parameters, self._readers = [], [], []
