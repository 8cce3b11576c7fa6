"""Secrets are taken out by name, by what they look like and by value; everything else stays as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmops.redaction import REDACTED, redact, redact_text, remember

CANARY = "c4n4ry" + "Q7x" * 9


@pytest.mark.parametrize(
    "text",
    [
        f"postgres://llmops:{CANARY}@db:5432/llmops",
        f"redis://:{CANARY}@127.0.0.1:6379/0 refused",
        f"amqps://user:{CANARY}@host",
        f"https://user:{CANARY[:12]}@{CANARY}@host/v1",
        f"https://{CANARY}@host/v1",
        f"Authorization: Bearer {CANARY}",
        f"{{'Authorization': 'Basic {CANARY}'}}",
        f"[(b'authorization', b'Bearer {CANARY}')]",
        f'{{"x-api-key": "{CANARY}"}}',
        f"Cookie: sessionid={CANARY}; csrftoken={CANARY}",
        f"Set-Cookie: sessionid={CANARY}; HttpOnly",
        f"You sent bearer {CANARY}.",
        f"Incorrect API key provided: sk-{CANARY}.",
        f"sk-ant-api03-{CANARY}",
        f"key llmops_0123abcd_{CANARY} is revoked",
        f"gAAAAAB{CANARY}{CANARY}==",
        f"eyJhbGciOiJIUzI1NiJ9.eyJ{CANARY}.{CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"password={CANARY}&next=/",
        f"password: '{CANARY} with a space'",
        f'{{"api_key": "{CANARY}", "n": 3}}',
        f"openai_api_key='{CANARY}'",
        f"LLMOPS_SECRET_KEY={CANARY}",
        f"client_secret = {CANARY}",
        f"GET /invitations/{CANARY}:1t:{CANARY}/ not found",
        f"POST /new-password/1-{CANARY}/ 422",
        f"connection failed: FATAL: password={CANARY} user=x",
    ],
)
def test_what_looks_like_a_secret(text: str) -> None:
    assert CANARY not in redact_text(text)
    assert REDACTED in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Run 12 finished: 81 % correct (73-87, n = 120).",
        "Paste the key again, and choose a password of ten characters.",
        "input_tokens=120 max_tokens: 40, tokens a minute",
        "http://127.0.0.1:8000/p/demo/runs/2/?page=1@2",
        "postgres://llmops@127.0.0.1:5432/llmops",
        "GET /invitations/ 200",
        "task-key-of-a-case risk-averse-and-longer-words",
        "2026-11-27T07:00:00Z basic understanding",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


def test_known_values_are_found_in_any_form() -> None:
    remember("p@ss/w0rd'with\"quotes")
    for text in ("p@ss/w0rd'with\"quotes", "p%40ss%2Fw0rd%27with%22quotes", repr("p@ss/w0rd'with\"quotes")):
        assert "w0rd" not in redact_text(f"before {text} after")
    remember("short")
    assert redact_text("a short word") == "a short word"


@pytest.mark.parametrize(
    "name",
    [
        *("password", "new_password1", "api_key", "apikey", "Authorization", "HTTP_COOKIE", "client_secret"),
        *("DATABASE_URL", "csrfmiddlewaretoken", "access_token", "LLMOPS_FIELD_KEYS", "private_key", "dsn"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert redact({name: CANARY}) == {name: REDACTED}
    assert CANARY not in json.dumps(redact({"request": {"body": [{name: {"nested": CANARY}}]}}))


class Odd:
    def __str__(self) -> str:
        return f"<Odd password={CANARY}>"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"input_tokens": 5, "max_tokens": 40, "password": ""}, {"input_tokens": 5, "max_tokens": 40, "password": ""}),
        ((1, True, None, 2.5), [1, True, None, 2.5]),
        (b"password=" + CANARY.encode(), f"password={REDACTED}"),
        (Odd(), f"<Odd password={REDACTED}"),
    ],
)
def test_any_value_becomes_plain(given: Any, expected: Any) -> None:
    assert redact(given) == expected
    json.dumps(redact(given))


def test_structures_without_an_end() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert CANARY not in json.dumps(redact({"deep": endless, "password": CANARY}))
