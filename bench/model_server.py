"""A loopback OpenAI-compatible server that answers after a fixed time, for benchmarks.

Run: python -m bench.model_server --port 9999 --delay-ms 200
It answers chat completions with the last user message, counts calls at GET /calls, and does as little work as
HTTP/1.1 keep-alive allows, so that what is measured is the platform.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource


class ModelServer:
    """One answer for each request, after `delay_s`; `calls` counts chat completions."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(
                    (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0
                )
                body = await reader.readexactly(length)
                await self._answer(head, body, writer)
        writer.close()

    async def _answer(self, head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if head.startswith("GET /calls"):
            used = resource.getrusage(resource.RUSAGE_SELF)
            self._send(writer, {"calls": self.calls, "cpu_s": used.ru_utime + used.ru_stime})
            return
        self.calls += 1
        asked = json.loads(body)
        await asyncio.sleep(self.delay_s)
        text = asked["messages"][-1]["content"]
        self._send(
            writer,
            {
                "id": f"chatcmpl-{self.calls}",
                "object": "chat.completion",
                "created": 0,
                "model": asked["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
                "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
            },
        )

    def _send(self, writer: asyncio.StreamWriter, answer: object) -> None:
        body = json.dumps(answer).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, default=200)
    options = parser.parse_args()
    server = ModelServer(options.delay_ms / 1000)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", options.port, backlog=1024)
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
