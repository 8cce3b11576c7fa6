"""Cohere's chat, version 2."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import cohere
from cohere.core.api_error import ApiError
from cohere.core.request_options import RequestOptions

from llmops.outbound import OutboundPolicy, httpx_client
from llmops.providers.base import ChatRequest, Completion, Credential, ModelCallError, Usage
from llmops.providers.verdicts import status_fault
from llmops.providers.wire import WireAdapter, check_key, count, without_removed

_COHERE_URL = "https://api.cohere.com"
_FINISH_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_call",
}


class CohereAdapter(WireAdapter):
    """The SDK builds lenient objects: what the server left out is None, what it sent wrong is as sent."""

    def __init__(self, credential: Credential, policy: OutboundPolicy) -> None:
        super().__init__(credential)
        check_key(credential, needed=True)
        self._http = httpx_client(policy)
        self._client = cohere.AsyncClientV2(
            api_key=credential.api_key,
            base_url=_base_url(credential.base_url),
            max_retries=0,
            httpx_client=self._http,
            log_warning_experimental_features=False,
        )

    async def ask(self, request: ChatRequest, timeout_s: float) -> Completion:
        answer = await self._client.chat(
            model=request.model, messages=_messages(request), request_options=_options(request, timeout_s)
        )
        reason = _reason(answer)
        if not reason:
            said = getattr(answer, "message", None)
            body = {"message": said} if isinstance(said, str) else getattr(answer, "model_extra", None)
            raise status_fault(self.credential, request.model, status=200, body=body, headers={})
        content = _get(answer, "message", "content")
        text = "".join(_text(part) for part in content) if isinstance(content, list) else ""
        return self._checked(request, text, reason, _get(answer, "usage"), _get(answer, "id"))

    async def ask_stream(self, request: ChatRequest, timeout_s: float) -> AsyncGenerator[str | Completion, None]:
        pieces: list[str] = []
        response_id: Any = ""
        end: Any = None
        events: Any = self._client.chat_stream(
            model=request.model, messages=_messages(request), request_options=_options(request, timeout_s)
        )
        async with aclosing(events):
            async for event in events:
                match _get(event, "type"):
                    case "message-start":
                        response_id = _get(event, "id")
                    case "content-delta":
                        piece = _text(_get(event, "delta", "message", "content"))
                        pieces.append(piece)
                        if piece:
                            yield piece
                    case "message-end":
                        end = _get(event, "delta")
        # The SDK steps over events that it cannot read, so an answer without an end is a broken one.
        if not _reason(end):
            raise self.broken("The answer ended before it was complete.")
        yield self._checked(request, "".join(pieces), _reason(end), _get(end, "usage"), response_id)

    async def close(self) -> None:
        await self._http.aclose()

    def fault_of(self, error: Exception, request: ChatRequest) -> ModelCallError | None:
        if not isinstance(error, ApiError) or error.status_code is None:
            return None
        if 200 <= error.status_code < 300:
            return self.broken("The answer was cut off or is not JSON.")
        return status_fault(
            self.credential,
            request.model,
            status=error.status_code,
            body=error.body,
            headers={name.lower(): value for name, value in (error.headers or {}).items()},
        )

    def _checked(self, request: ChatRequest, text: str, reason: str, usage: Any, response_id: Any) -> Completion:
        if reason in ("ERROR", "TIMEOUT"):
            raise self.broken(f"The vendor stopped in the middle ({reason.lower()}).")
        return Completion(
            text=text,
            model=request.model,
            finish_reason=_FINISH_REASONS.get(reason, "other"),
            usage=_usage(usage),
            response_id=response_id if isinstance(response_id, str) else "",
        )


def _messages(request: ChatRequest) -> Any:
    return [{"role": message.role, "content": message.content} for message in request.messages]


def _options(request: ChatRequest, timeout_s: float) -> RequestOptions:
    """Everything but model and messages goes as it is, so that `extra` is treated alike for all vendors."""
    schema = request.output_schema
    settings = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "p": request.top_p,
        "stop_sequences": list(request.stop) or None,
        "seed": request.seed,
        "response_format": {"type": "json_object", "json_schema": dict(schema)} if schema else None,
    }
    return {
        "timeout": timeout_s,
        "max_retries": 0,
        "additional_body_parameters": without_removed(settings, request.extra),
    }


def _usage(usage: Any) -> Usage | None:
    """Billed units where the vendor sends them: they are what is paid for."""
    for counted in (_get(usage, "billed_units"), _get(usage, "tokens")):
        read, written = count(_get(counted, "input_tokens")), count(_get(counted, "output_tokens"))
        if read is not None and written is not None:
            cached = min(count(_get(usage, "cached_tokens")) or 0, read)
            return Usage(input_tokens=read, output_tokens=written, cached_input_tokens=cached)
    return None


def _reason(answer: Any) -> str:
    reason = _get(answer, "finish_reason")
    return reason if isinstance(reason, str) else ""


def _text(part: Any) -> str:
    text = _get(part, "text")
    return text if isinstance(text, str) else ""


def _base_url(typed: str) -> str:
    """People type the address with and without the version; the SDK adds it."""
    return typed.rstrip("/").removesuffix("/v1").removesuffix("/v2") or _COHERE_URL


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = getattr(value, name, None)
    return value
