"""A real HTTP/1.1 server on loopback that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What to send back. `pieces` are sent one by one as HTTP chunks; `cut_after` resets the connection
    after so many bytes of the body; `hang` never answers; `hang_up` closes the connection after the answer
    without a word; `gate` holds back the pieces after the first."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes] | None = None
    cut_after: int | None = None
    hang: bool = False
    hang_up: bool = False
    gate: asyncio.Event | None = None


Script = Callable[[Received], Answer]


class FakeVendor:
    """`async with FakeVendor(script) as vendor`: listens on a free port of 127.0.0.1."""

    def __init__(self, script: Script | Answer | Iterable[Answer], *, tls: ssl.SSLContext | None = None) -> None:
        self._script = _as_script(script)
        self._tls = tls
        self.received: list[Received] = []
        self.connections = 0
        self.disconnected = asyncio.Event()
        self.closed = asyncio.Semaphore(0)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while (received := await _read(reader)) is not None:
                self.received.append(received)
                if not await self._respond(reader, writer, self._script(received)):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self.closed.release()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        if answer.hang:
            await reader.read()
            self.disconnected.set()
            return False
        if answer.pieces is not None:
            return await self._respond_in_pieces(reader, writer, answer)
        head = {"content-type": "application/json", **answer.headers, "content-length": str(len(answer.body))}
        writer.write(_head(answer.status, head))
        if answer.cut_after is not None:
            writer.write(answer.body[: answer.cut_after])
            await writer.drain()
            _reset(writer)
            return False
        writer.write(answer.body)
        await writer.drain()
        return not answer.hang_up

    async def _respond_in_pieces(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
    ) -> bool:
        head = {"content-type": "text/event-stream", **answer.headers, "transfer-encoding": "chunked"}
        writer.write(_head(answer.status, head))
        sent = 0
        for number, piece in enumerate(answer.pieces or ()):
            if answer.gate is not None and number == 1 and not await self._gate_opened(reader, answer.gate):
                return False
            if answer.cut_after is not None and sent + len(piece) > answer.cut_after:
                kept = piece[: answer.cut_after - sent]
                writer.write(b"%x\r\n%s\r\n" % (len(kept), kept) if kept else b"")
                await writer.drain()
                _reset(writer)
                return False
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            sent += len(piece)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _gate_opened(self, reader: asyncio.StreamReader, gate: asyncio.Event) -> bool:
        """Waits for the gate, or for the client to hang up."""
        opened, gone = asyncio.ensure_future(gate.wait()), asyncio.ensure_future(reader.read(1))
        await asyncio.wait({opened, gone}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (opened, gone):
            if not waiting.done():
                waiting.cancel()
        await asyncio.gather(opened, gone, return_exceptions=True)
        if not gate.is_set():
            self.disconnected.set()
        return gate.is_set()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST, as a crashed server or a broken network does."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _as_script(script: Script | Answer | Iterable[Answer]) -> Script:
    if callable(script):
        return script
    if isinstance(script, Answer):
        return lambda _: script
    answers = iter(script)
    return lambda _: next(answers)
