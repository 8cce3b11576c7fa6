"""Bodies that are too large never reach Django."""

from __future__ import annotations

import json
from typing import Any

from llmops.asgi import BodyLimit


async def _echo_length(scope: Any, receive: Any, send: Any) -> None:
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            await send({"type": "cut"})
            return
        length += len(message["body"])
        if not message.get("more_body"):
            await send({"type": "whole", "length": length})
            return


async def _sent(headers: list[tuple[bytes, bytes]], pieces: list[bytes]) -> list[Any]:
    waiting = [
        {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1} for at, piece in enumerate(pieces)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await BodyLimit(_echo_length, most_bytes=10)({"type": "http", "headers": headers}, receive, send)
    return sent


async def test_a_body_within_the_limit_goes_through() -> None:
    assert await _sent([(b"content-length", b"10")], [b"12345", b"67890"]) == [{"type": "whole", "length": 10}]


async def test_an_announced_length_over_the_limit_is_answered_with_413() -> None:
    start, body = await _sent([(b"content-length", b"11")], [b"12345678901"])
    assert start["status"] == 413
    assert json.loads(body["body"])["error"]["code"] == "too_large"


async def test_an_unannounced_body_is_cut_off_at_the_limit() -> None:
    assert await _sent([], [b"12345", b"67890", b"1", b"2"]) == [{"type": "cut"}]
