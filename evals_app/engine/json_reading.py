"""Reading the JSON that a model wrote, strictly."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

_FENCE = re.compile(r"\s*(`{3,}|~{3,})[ \t]*[\w.+-]{0,20}[ \t]*\r?\n(.*)\r?\n[ \t]*\1[ \t]*\s*", re.DOTALL)


class NotJson(ValueError):
    """The text is not one JSON value; the message says where it goes wrong."""


def read_json(text: str) -> Any:
    """The JSON value that the whole text is. Raises NotJson, also for NaN, Infinity and absurd depth."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as wrong:
        raise NotJson(f"line {wrong.lineno}, column {wrong.colno}: {_words(wrong, text)}") from wrong
    except RecursionError as deep:
        raise NotJson("it is nested too deeply") from deep
    except ValueError as odd:
        raise NotJson(str(odd)) from odd


def without_fence(text: str) -> str | None:
    """What stands in the code fence that the whole text is, or None when it is not one fence."""
    found = _FENCE.fullmatch(text)
    if found is None or found[1] in found[2]:
        return None
    return found[2]


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _words(wrong: json.JSONDecodeError, text: str) -> str:
    if not text.strip():
        return "it is empty"
    if wrong.msg == "Extra data":
        return "something follows after the JSON"
    if wrong.msg == "Expecting value" and wrong.pos >= len(text.rstrip()):
        return "it ends too early"
    if wrong.msg.startswith("Unterminated string"):
        return "a text is not closed"
    return wrong.msg[:1].lower() + wrong.msg[1:]
