"""Anthropic's messages."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import anthropic
import httpx2

from llmops.outbound import OutboundPolicy, httpx2_client
from llmops.providers.base import CallErrorKind, ChatRequest, Completion, Credential, ModelCallError, Usage
from llmops.providers.faults import fault
from llmops.providers.verdicts import status_fault
from llmops.providers.wire import WireAdapter, check_key, connect_timeout_s, count, without_removed

# At DEBUG the SDK logs bodies and headers.
logging.getLogger("anthropic").setLevel(logging.WARNING)

_ANTHROPIC_URL = "https://api.anthropic.com"
_PATH = "/v1/messages"
# The vendor requires a longest answer; this is what is sent when the prompt does not say.
_MAX_TOKENS = 8192
# From API version 2026-10-21 on these are refused whatever the model; the version before hands them to
# models that still take them, and says so when a model does not.
_SAMPLING = frozenset({"temperature", "top_p", "top_k"})
_VERSION_WITH_SAMPLING = "2023-06-01"
_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


class AnthropicAdapter(WireAdapter):
    def __init__(self, credential: Credential, policy: OutboundPolicy) -> None:
        super().__init__(credential)
        check_key(credential, needed=True)
        self._client = anthropic.AsyncAnthropic(
            api_key=credential.api_key,
            base_url=_base_url(credential.base_url),
            max_retries=0,
            open_telemetry=False,
            http_client=httpx2_client(policy),
        )

    async def ask(self, request: ChatRequest, timeout_s: float) -> Completion:
        payload = _payload(request)
        response = await self._client.post(
            _PATH, cast_to=httpx2.Response, body=payload, options=_options(payload, timeout_s)
        )
        return self._whole(self.json_of(response), request)

    async def ask_stream(self, request: ChatRequest, timeout_s: float) -> AsyncGenerator[str | Completion, None]:
        payload = _payload(request, stream=True)
        stream = await self._client.post(
            _PATH,
            cast_to=object,
            body=payload,
            options=_options(payload, timeout_s),
            stream=True,
            stream_cls=anthropic.AsyncStream[object],
        )
        answer = _Assembly()
        async with stream:
            if "json" in stream.response.headers.get("content-type", ""):
                await stream.response.aread()
                yield self._whole(self.json_of(stream.response), request)
                return
            async for event in stream:
                piece = answer.add(event)
                if piece:
                    yield piece
        if not answer.finish_reason:
            raise self.broken("The answer ended before it was complete.")
        yield self._checked(answer, request)

    async def close(self) -> None:
        await self._client.close()

    def fault_of(self, error: Exception, request: ChatRequest) -> ModelCallError | None:
        if not isinstance(error, anthropic.APIStatusError):
            return None
        # An error in the middle of a stream comes with the status 200 that the stream began with.
        return status_fault(
            self.credential,
            request.model,
            status=error.status_code,
            body=error.body,
            headers=error.response.headers,
        )

    def _whole(self, body: Any, request: ChatRequest) -> Completion:
        if not isinstance(body, Mapping):
            raise self.broken("The answer is not a JSON object.")
        if body.get("type") == "error" or body.get("error"):
            raise status_fault(self.credential, request.model, status=200, body=body, headers={})
        if not isinstance(body.get("content"), list):
            raise self.broken("The answer holds no text and no reason why.")
        answer = _Assembly()
        answer.begin(body)
        answer.end(body)
        answer.pieces = [_text_of(block) for block in body["content"]]
        return self._checked(answer, request)

    def _checked(self, answer: _Assembly, request: ChatRequest) -> Completion:
        text = "".join(answer.pieces)
        usage = answer.usage()
        if answer.finish_reason == "refusal" and not text:
            raise fault(
                CallErrorKind.CONTENT_REFUSED,
                self.credential,
                said=answer.explanation,
                status_code=200,
                usage=usage,
            )
        return Completion(
            text=text,
            model=answer.model or request.model,
            finish_reason=_FINISH_REASONS.get(answer.finish_reason, "other"),
            usage=usage,
            response_id=answer.id,
        )


class _Assembly:
    """An answer put together from one body or from the events of a stream."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.finish_reason = ""
        self.explanation = ""
        self.model = ""
        self.id = ""
        self._counts: dict[str, int] = {}

    def add(self, event: Any) -> str:
        """Takes in an event of the stream and returns its text."""
        if not isinstance(event, Mapping):
            return ""
        match event.get("type"):
            case "message_start" if isinstance(event.get("message"), Mapping):
                self.begin(event["message"])
            case "content_block_delta":
                text = _text_of(event.get("delta"))
                self.pieces.append(text)
                return text
            case "message_delta":
                self.end({**_mapping(event.get("delta")), "usage": event.get("usage")})
        return ""

    def begin(self, message: Mapping[str, Any]) -> None:
        self.model = str(message.get("model") or "")
        self.id = str(message.get("id") or "")
        self._count(message.get("usage"))

    def end(self, message: Mapping[str, Any]) -> None:
        self.finish_reason = str(message.get("stop_reason") or self.finish_reason)
        self.explanation = str(_mapping(message.get("stop_details")).get("explanation") or "")
        self._count(message.get("usage"))

    def usage(self) -> Usage | None:
        """The vendor counts input that was read from its cache and written to it beside the rest."""
        if not {"input_tokens", "output_tokens"} <= self._counts.keys():
            return None
        cached = self._counts.get("cache_read_input_tokens", 0)
        written = self._counts.get("cache_creation_input_tokens", 0)
        return Usage(
            input_tokens=self._counts["input_tokens"] + cached + written,
            output_tokens=self._counts["output_tokens"],
            cached_input_tokens=cached,
        )

    def _count(self, usage: Any) -> None:
        for name, value in _mapping(usage).items():
            tokens = count(value)
            if tokens is not None:
                self._counts[name] = tokens


def _payload(request: ChatRequest, **more: Any) -> dict[str, Any]:
    system = [message.content for message in request.messages if message.role == "system"]
    turns = [{"role": m.role, "content": m.content} for m in request.messages if m.role != "system"]
    schema = request.output_schema
    payload = {
        "model": request.model,
        "system": "\n\n".join(system) or None,
        "messages": turns,
        "max_tokens": request.max_tokens or _MAX_TOKENS,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop_sequences": list(request.stop) or None,
        "output_config": {"format": {"type": "json_schema", "schema": dict(schema)}} if schema else None,
        **more,
    }
    return without_removed(payload, request.extra)


def _options(payload: Mapping[str, Any], timeout_s: float) -> Any:
    timeout = httpx2.Timeout(timeout_s, connect=connect_timeout_s(timeout_s))
    if _SAMPLING.isdisjoint(payload):
        return {"timeout": timeout}
    return {"timeout": timeout, "headers": {"anthropic-version": _VERSION_WITH_SAMPLING}}


def _base_url(typed: str) -> str:
    """People type the address with and without /v1; the SDK adds it."""
    return typed.rstrip("/").removesuffix("/v1") or _ANTHROPIC_URL


def _text_of(block: Any) -> str:
    """The text of a block or delta; thinking and tool calls have none."""
    part = _mapping(block)
    text = part.get("text") if part.get("type") in ("text", "text_delta") else None
    return text if isinstance(text, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
