"""An OpenAI-compatible server on loopback, in a thread of its own, that counts what it is asked.

It repeats the last user message after `delay_s`. A `behave` function may let a call go wrong in any of the ways in
which vendors do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Fault(StrEnum):
    """Ways to answer other than well."""

    RATE_LIMITED = "429"
    BROKEN = "500"
    OVERLOADED = "529"
    SILENT = "timeout"
    RESET = "reset mid-body"
    CUT_OFF = "truncated JSON"
    ERROR_AS_SUCCESS = "200 with an error body"


@dataclass(frozen=True)
class Call:
    """One request as it came in: when (monotonic), the last user message, the how-manieth of that text, from where."""

    at: float
    text: str
    number: int
    sender: str


class ModelServer:
    """`with ModelServer() as server`: give `server.url` to a connection of the vendor openai_compatible."""

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        behave: Callable[[Call], Fault | None] = lambda call: None,
        hold: Callable[[Call], bool] = lambda call: False,
        answer: Callable[[str], str] = lambda text: text,
        tokens: Callable[[str], int] = lambda text: 10,
        retry_after: str = "1",
        says: str = "Try later.",
        model: str = "test-model",
        host: str = "127.0.0.1",
    ) -> None:
        """An answer is not sent while `hold` says yes; `says` is the message of errors."""
        self.delay_s = delay_s
        self.calls: list[Call] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._behave = behave
        self._hold = hold
        self._answer = answer
        self._tokens = tokens
        self._retry_after = retry_after
        self._says = says
        self._model = model
        self._host = host
        self._asked: Counter[str] = Counter()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}/v1"

    def times_asked(self) -> Counter[str]:
        """How often each text came in."""
        return Counter(call.text for call in self.calls)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, self._host, 0, backlog=512)
        self._port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await self._respond(await _body(reader), writer):
                pass
        writer.close()

    async def _respond(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False ends the connection."""
        text = json.loads(body)["messages"][-1]["content"]
        self._asked[text] += 1
        sender, *_ = writer.get_extra_info("peername")
        call = Call(time.monotonic(), text, self._asked[text], sender)
        self.calls.append(call)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.delay_s)
            while self._hold(call):  # noqa: ASYNC110  the test is in another thread
                await asyncio.sleep(0.005)
            return await self._send(self._behave(call), text, writer)
        finally:
            self.in_flight -= 1

    async def _send(self, fault: Fault | None, text: str, writer: asyncio.StreamWriter) -> bool:
        answer = json.dumps(self._completion(text)).encode()
        error = json.dumps({"error": {"message": self._says, "type": "server_error"}}).encode()
        match fault:
            case None:
                _write(writer, 200, answer)
            case Fault.RATE_LIMITED:
                _write(writer, 429, error, f"retry-after: {self._retry_after}\r\n")
            case Fault.BROKEN | Fault.OVERLOADED:
                _write(writer, int(fault), error)
            case Fault.SILENT:
                await self._over.wait()
            case Fault.RESET:
                _write(writer, 200, answer, length=len(answer), cut_to=len(answer) // 2)
                await writer.drain()
                _reset(writer)
                return False
            case Fault.CUT_OFF:
                _write(writer, 200, answer[: len(answer) // 2])
            case Fault.ERROR_AS_SUCCESS:
                _write(writer, 200, error)
        await writer.drain()
        return True

    def _completion(self, text: str) -> dict[str, Any]:
        message, tokens = {"role": "assistant", "content": self._answer(text)}, self._tokens(text)
        return {
            "id": f"chatcmpl-{len(self.calls)}",
            "object": "chat.completion",
            "created": 0,
            "model": self._model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": 2 * tokens},
        }


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
    return await reader.readexactly(length)


def _write(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    headers: str = "",
    *,
    length: int | None = None,
    cut_to: int | None = None,
) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}"
    writer.write(f"{head}content-length: {length or len(body)}\r\n\r\n".encode() + body[:cut_to])


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST, as a crashed server does."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
