"""Takes secrets out of what is about to be written down: by the name of a field, by what they look like, and by value.

Redacting too much costs a word in a log, too little costs a key; so when in doubt it is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

REDACTED = "[redacted]"

_SHORTEST = 8
"""Shorter secrets are words of everyday texts, and are known by their field alone."""

_MOST_REMEMBERED = 2000
_DEEPEST = 8

_SECRET_NAME = re.compile(
    r"passw(?:or)?d|passphrase|secret|api[_-]?key|token$|authorization|cookie|credential|private[_-]?key|field[_-]?keys?$"
    r"|session[_-]?(?:id|key)$|^dsn$|database[_-]?(?:replica[_-]?)?url|redis[_-]?url|email[_-]?url|broker[_-]?url",
    re.IGNORECASE,
)

_LOOKS = [
    # Name and password of an address: postgres://user:password@host; of a web address also a key alone.
    (re.compile(r"\b(https?://)[^\s/'\"<>]*@", re.IGNORECASE), rf"\1{REDACTED}@"),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/@'\"<>]*:[^\s/'\"<>]*@", re.IGNORECASE), rf"\1{REDACTED}@"),
    # A header, in whatever form of quoting, with or without its scheme.
    (
        re.compile(
            r"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)"
            r"([\"']?\s*[:=,]\s*(?:b?[\"'])?)(?:(?:bearer|basic|token|digest)\s+)?[^\s\"',;)\]}]+",
            re.IGNORECASE,
        ),
        rf"\1\2{REDACTED}",
    ),
    (re.compile(r"\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1{REDACTED}"),
    # Keys that vendors mark as such, and ours.
    (re.compile(r"\b(?:sk|pk|rk|sess|key)-[A-Za-z0-9_-]{16,}"), REDACTED),
    (re.compile(r"\bllmops_[0-9a-f]{8}_[A-Za-z0-9_-]{20,}"), REDACTED),
    (re.compile(r"\b(?:gh[pousr]|github_pat|hf|glpat|xox[abprs])[_-][A-Za-z0-9_-]{16,}"), REDACTED),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{30,}|\bA(?:KI|SI)A[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), REDACTED),
    (re.compile(r"\bgAAAAA[A-Za-z0-9_-]{40,}={0,2}"), REDACTED),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REDACTED),
    # Links that let somebody in.
    (re.compile(r"(/(?:invitations|new-password)/)[^\s/'\"?]+(?:/[^\s/'\"?]+)?"), rf"\1{REDACTED}"),
    # password=..., "api_key": "...", secret_key='...'
    (
        re.compile(
            r"([\"']?\b[\w.-]*?(?:password|passwd|pwd|passphrase|secret(?:[_-]?key)?|api[_-]?key|token|credentials?|"
            r"private[_-]?key|sessionid|session[_-]?key)[\"']?\s*[:=]\s*)"
            r"(?:b?\"[^\"]*\"|b?'[^']*'|[^\s,;&)}\]]+)",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
]

_remembered: dict[str, None] = {}
_by_value: re.Pattern[str] | None = None


def remember(*secrets: str) -> None:
    """From now on take these values out of every text, wherever they show up."""
    fresh = [secret for secret in secrets if len(secret) >= _SHORTEST and secret not in _remembered]
    if not fresh:
        return
    _remembered.update(dict.fromkeys(fresh))
    for oldest in list(_remembered)[: max(0, len(_remembered) - _MOST_REMEMBERED)]:
        del _remembered[oldest]
    global _by_value
    _by_value = _pattern(_remembered)


def redact_text(text: str) -> str:
    """The text without secrets."""
    if _by_value is not None:
        text = _by_value.sub(REDACTED, text)
    for pattern, instead in _LOOKS:
        text = pattern.sub(instead, text)
    return text


def redact(value: Any, *, name: str = "", depth: int = 0) -> Any:
    """Anything that goes into a log, as plain values without secrets; `name` is the field that it stands in."""
    if name and _SECRET_NAME.search(name) and value not in (None, "", b""):
        return REDACTED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return redact_text(bytes(value).decode("utf-8", "replace"))
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key): redact(part, name=str(key), depth=depth + 1) for key, part in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [redact(part, depth=depth + 1) for part in value]
    return redact_text(str(value))


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    """Finds each as it is, and as it stands in addresses and quoted texts; the longest first."""
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), repr(secret)[1:-1])}
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form))))
