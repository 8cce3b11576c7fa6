"""JSON text -> values, strictly: what cannot be stored or would be lost in silence is an error."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn, TextIO

from evals_app.engine.files.lines import read_text
from evals_app.engine.files.rows import FileProblem, Limits


class NotJson(ValueError):
    """The text is not one JSON value. `at` is where; `hopeless` means that more text would not help."""

    def __init__(self, message: str, at: int = 0, *, hopeless: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hopeless = hopeless


class RepeatedField(dict[str, Any]):
    """An object in which one field comes twice; `name` is the field's."""

    name: str = ""


def decode(text: str) -> Any:
    """The one JSON value that `text` is, white space around it aside. Raises NotJson."""
    start = _skip_space(text, 0)
    value, end = decode_at(text, start)
    rest = _skip_space(text, end)
    if rest < len(text):
        raise NotJson("there is more text after the end of the value", rest)
    return value


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at `start`, and where it ends. Raises NotJson."""
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as wrong:
        raise NotJson(wrong.msg[:1].lower() + wrong.msg[1:], wrong.pos) from None
    except RecursionError:
        raise NotJson("it is nested too deeply", start, hopeless=True) from None
    except ValueError as wrong:  # an integer of more digits than Python converts, NaN, Infinity
        message = str(wrong) if isinstance(wrong, _Number) else "a number in it has too many digits"
        raise NotJson(message, start, hopeless=True) from None


class JsonValue(NamedTuple):
    """A value of a JSON file and the line, counted from 1, at which it begins.

    When the file is written in one line, `line` is the value's position instead, which says more.
    """

    line: int
    value: Any


def json_values(text: TextIO, limits: Limits) -> Iterator[JsonValue]:
    """The elements of one list, or else the values that follow each other, with little in memory at a time.

    Raises FileProblem with the line when the text stops being JSON: what follows cannot be told apart.
    """
    window = _Window(text, limits)
    in_list = window.next_character() == "["
    if in_list:
        window.take(1)
    first = True
    for position in itertools.count(1):
        character = window.next_character()
        if in_list and character == "]":
            return window.take_end()
        if not first and in_list:
            window.take_comma(character)
        elif not character:
            if in_list:
                raise window.problem("the list is not closed; is the file cut off?")
            return None
        found = window.take_value()
        yield found if window.has_lines else JsonValue(position, found.value)
        first = False


class _Window:
    """The part of the text that is being read, refilled as values need it."""

    def __init__(self, text: TextIO, limits: Limits) -> None:
        self._text = text
        self._most_chars = limits.row_chars
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._refill(_PIECE)
        self.has_lines = bool(_line_breaks(self._buffer.rstrip(), 0, len(self._buffer)))

    def next_character(self) -> str:
        """The next character that is not white space, not taken; "" at the end."""
        while True:
            self.take(_skip_space(self._buffer, self._at) - self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._refill(_PIECE):
                return ""

    def take(self, n_chars: int) -> None:
        self._line += _line_breaks(self._buffer, self._at, self._at + n_chars)
        self._at += n_chars

    def take_comma(self, character: str) -> None:
        if character != ",":
            raise self.problem("a comma is missing between two cases, or the list is not closed")
        self.take(1)
        if self.next_character() == "]":
            raise self.problem("there is a comma after the last case")

    def take_end(self) -> None:
        self.take(1)
        if self.next_character():
            raise self.problem("there is more text after the end of the list")

    def take_value(self) -> JsonValue:
        piece = _PIECE
        line = self._line
        while True:
            try:
                value, end = decode_at(self._buffer, self._at)
            except NotJson as wrong:
                if len(self._buffer) - self._at > self._most_chars and not wrong.hopeless:
                    raise self.problem(f"it is broken, or longer than {self._most_chars:,} characters") from None
                if not wrong.hopeless and self._refill(piece):
                    piece *= 2  # so that a long value is tried a few times only
                    continue
                self.take(max(0, wrong.at - self._at))
                raise self.problem(wrong.message) from None
            self.take(end - self._at)
            return JsonValue(line, value)

    def problem(self, what: str) -> FileProblem:
        return FileProblem(
            f"From line {self._line} on this is not JSON: {what}. Correct it, or export the cases as CSV or XLSX."
        )

    def _refill(self, n_chars: int) -> bool:
        more = read_text(self._text, n_chars)
        if more:
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
        return bool(more)


_PIECE = 1 << 16
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")


def _skip_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _line_breaks(text: str, start: int, end: int) -> int:
    """LF and CR LF count once; a text with CR alone counts those."""
    breaks = text.count("\n", start, end)
    return breaks or text.count("\r", start, end)


class _Number(ValueError):
    """A number that JSON does not know."""


def _no_constant(name: str) -> NoReturn:
    raise _Number(f"{name} is not a JSON value; write null or a text")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _Number(f"the number {digits[:20]} is too large; write it as a text")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    names = [name for name, _ in pairs]
    repeated = RepeatedField(fields)
    repeated.name = next(name for name in names if names.count(name) > 1)
    return repeated


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
