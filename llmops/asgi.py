"""The ASGI application, which every web server process serves."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from llmops.problems import problem

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmops.settings")

MOST_BODY_BYTES = 110 * 1024 * 1024
"""The largest file that may be uploaded, with room for the form around it."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class OneThread(ASGIHandler):
    """Django's handler, but that a request stays in one thread from the first middleware to the view and back.

    Django's own lets middleware run in the event loop, and the half of each that is not made for it in a thread: some
    fifteen times there and back for a page, each time waiting for the interpreter when other pages are computed. An
    async view still runs in the event loop, and what it streams is streamed from there.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


class BodyLimit:
    """Refuses bodies that are too large before Django puts them on the disk.

    An announced length is answered with 413; a body that grows past the limit unannounced is cut off as if the
    client had hung up.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], *, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if announced.isdigit() and int(announced) > self._most_bytes:
            await _refuse(send, self._most_bytes)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message if received <= self._most_bytes else {"type": "http.disconnect"}

        await self._app(scope, counted, send)


async def _refuse(send: Send, most_bytes: int) -> None:
    message = f"This is too large: {most_bytes // 1024**2} MB are allowed. Split the file and send the parts."
    body = json.dumps(problem("too_large", message)).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


django.setup(set_prefix=False)
application = BodyLimit(OneThread(), most_bytes=MOST_BODY_BYTES)
