"""Chat completions: OpenAI, every server that speaks its format, and the local model."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx2
import openai

from llmops.outbound import OutboundPolicy, httpx2_client
from llmops.providers.base import (
    LOCAL_MODEL,
    CallErrorKind,
    ChatRequest,
    Completion,
    Credential,
    ModelCallError,
    Usage,
    Vendor,
)
from llmops.providers.faults import fault
from llmops.providers.schemas import is_closed
from llmops.providers.verdicts import read_error_body, status_fault
from llmops.providers.wire import WireAdapter, check_key, connect_timeout_s, count, without_removed

# At DEBUG the SDK logs bodies and headers.
logging.getLogger("openai").setLevel(logging.WARNING)

_OPENAI_URL = "https://api.openai.com/v1"
_PATH = "/chat/completions"
_FINISH_REASONS = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
}


class OpenAIAdapter(WireAdapter):
    """The SDK authenticates, sends and raises; bodies are read here, since servers that only resemble
    OpenAI leave out or add fields, and send errors with status 200."""

    def __init__(self, credential: Credential, policy: OutboundPolicy) -> None:
        super().__init__(credential)
        check_key(credential, needed=credential.vendor is Vendor.OPENAI)
        self._client = openai.AsyncOpenAI(
            api_key=credential.api_key or "none",
            base_url=credential.base_url or _OPENAI_URL,
            max_retries=0,
            http_client=httpx2_client(policy),
        )
        # The SDK fills these from the environment of the server, which must not reach other vendors.
        self._client.organization = None
        self._client.project = None
        self._client.admin_api_key = None

    async def ask(self, request: ChatRequest, timeout_s: float) -> Completion:
        response = await self._client.post(
            _PATH,
            cast_to=httpx2.Response,
            body=self._payload(request),
            options={"timeout": _timeout(timeout_s)},
        )
        return self._completion(self.json_of(response), request)

    async def ask_stream(self, request: ChatRequest, timeout_s: float) -> AsyncGenerator[str | Completion, None]:
        stream = await self._client.post(
            _PATH,
            cast_to=object,
            body=self._payload(request, stream=True, stream_options={"include_usage": True}),
            options={"timeout": _timeout(timeout_s)},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        async with stream:
            if "json" in stream.response.headers.get("content-type", ""):
                await stream.response.aread()
                yield self._completion(self.json_of(stream.response), request)
                return
            answer = _Assembly()
            async for chunk in stream:
                piece = answer.add(chunk)
                if piece:
                    yield piece
        yield self._checked(answer, request)

    async def close(self) -> None:
        await self._client.close()

    def fault_of(self, error: Exception, request: ChatRequest) -> ModelCallError | None:
        if isinstance(error, openai.APIStatusError):
            return status_fault(
                self.credential,
                request.model,
                status=error.status_code,
                body=error.body,
                headers=error.response.headers,
            )
        if isinstance(error, openai.APIError) and error.body is not None:
            return self._error_with_success(error.body, request)
        return None

    def _payload(self, request: ChatRequest, **more: Any) -> dict[str, Any]:
        # The local server answers with the model it has, whatever name it is asked for.
        if self.credential.vendor is Vendor.LOCAL and request.model != LOCAL_MODEL:
            raise fault(CallErrorKind.NO_SUCH_MODEL, self.credential, model=request.model, status_code=404)
        # OpenAI has replaced max_tokens, and its reasoning models refuse it; other servers know only that.
        longest = "max_completion_tokens" if self.credential.vendor is Vendor.OPENAI else "max_tokens"
        payload = {
            "model": request.model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "temperature": request.temperature,
            "top_p": request.top_p,
            longest: request.max_tokens,
            "stop": list(request.stop) or None,
            "seed": request.seed,
            "response_format": _response_format(request.output_schema),
            **more,
        }
        return without_removed(payload, request.extra)

    def _completion(self, body: Any, request: ChatRequest) -> Completion:
        if not isinstance(body, Mapping):
            raise self.broken("The answer is not a JSON object.")
        if body.get("error") or body.get("object") == "error":
            raise self._error_with_success(body, request)
        answer = _Assembly()
        answer.add(body, whole=True)
        if not answer.has_choice:
            raise self.broken("The answer holds no text and no reason why.")
        return self._checked(answer, request)

    def _checked(self, answer: _Assembly, request: ChatRequest) -> Completion:
        if not answer.finish_reason and answer.in_pieces:
            raise self.broken("The answer ended before it was complete.")
        text = "".join(answer.pieces)
        refused = answer.refusal or answer.finish_reason == "content_filter"
        if refused and not text:
            raise fault(
                CallErrorKind.CONTENT_REFUSED,
                self.credential,
                said=answer.refusal,
                status_code=200,
                usage=answer.usage,
            )
        return Completion(
            text=text,
            model=answer.model or request.model,
            finish_reason=_FINISH_REASONS.get(answer.finish_reason, "other"),
            usage=answer.usage,
            response_id=answer.id,
        )

    def _error_with_success(self, body: object, request: ChatRequest) -> ModelCallError:
        code = read_error_body(body).code
        status = int(code) if code.isdecimal() and 400 <= int(code) < 600 else 200
        return status_fault(self.credential, request.model, status=status, body=body, headers={})


class _Assembly:
    """An answer put together from one body or from the chunks of a stream."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.finish_reason = ""
        self.refusal = ""
        self.model = ""
        self.id = ""
        self.usage: Usage | None = None
        self.has_choice = False
        self.in_pieces = True

    def add(self, body: Any, *, whole: bool = False) -> str:
        """Takes in a chunk and returns its text."""
        if not isinstance(body, Mapping):
            return ""
        self.in_pieces = not whole
        self.model = str(body.get("model") or self.model)
        self.id = str(body.get("id") or self.id)
        self.usage = _usage(body.get("usage")) or self.usage
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        return self._add_choice(choice, "message" if whole else "delta") if isinstance(choice, Mapping) else ""

    def _add_choice(self, choice: Mapping[str, Any], part: str) -> str:
        self.finish_reason = str(choice.get("finish_reason") or self.finish_reason)
        message = choice.get(part)
        if not isinstance(message, Mapping):
            return ""
        self.has_choice = True
        self.refusal += str(message.get("refusal") or "")
        text = _text(message.get("content"))
        self.pieces.append(text)
        return text


def _text(content: Any) -> str:
    """Content is a string, null, or with some servers a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text")
    return "".join(part for part in parts if isinstance(part, str))


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, Mapping):
        return None
    read, written = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if read is None or written is None:
        return None
    details = usage.get("prompt_tokens_details")
    cached = count(details.get("cached_tokens")) if isinstance(details, Mapping) else None
    return Usage(input_tokens=read, output_tokens=written, cached_input_tokens=min(cached or 0, read))


def _response_format(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    # Strict mode takes only schemas in which every object is closed, and refuses the others outright.
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": dict(schema), "strict": is_closed(schema)},
    }


def _timeout(timeout_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(timeout_s, connect=connect_timeout_s(timeout_s))
