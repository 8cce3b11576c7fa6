"""How each vendor writes answers, streams and errors on the wire, as its documentation shows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmops.providers.base import Vendor
from tests.contract.server import Answer

MODEL = "model-1"


@dataclass(frozen=True)
class Dialect:
    vendor: Vendor
    path: str
    url_suffix: str
    whole: Callable[..., dict[str, Any]]
    events: Callable[..., list[bytes]]
    error: Callable[[str, str], dict[str, Any]]
    over_quota: Answer
    too_long: Answer
    refused: Answer
    no_such_model: Answer

    def answer(self, text: str, **more: Any) -> Answer:
        return Answer(body=as_json(self.whole(text, **more)))

    def stream(self, pieces: Sequence[str], **more: Any) -> Answer:
        return Answer(pieces=self.events(pieces, **more))

    def failure(self, status: int, message: str, kind: str = "", **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status=status, body=as_json(self.error(message, kind)), headers=names)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _data(value: Any) -> bytes:
    return b"data: " + as_json(value) + b"\n\n"


def _event(name: str, value: Any) -> bytes:
    return f"event: {name}\n".encode() + _data(value)


# -- OpenAI and servers like it


def _openai_whole(text: str | None, *, reason: str = "stop", usage: bool = True, **message: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": "chatcmpl-9",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "model-1-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "logprobs": None,
                "finish_reason": reason,
            }
        ],
    }
    if usage:
        body["usage"] = {
            "prompt_tokens": 12,
            "completion_tokens": 5,
            "total_tokens": 17,
            "prompt_tokens_details": {"cached_tokens": 4},
        }
    return body


def _openai_events(pieces: Sequence[str], *, reason: str | None = "stop", usage: bool = True) -> list[bytes]:
    def chunk(choices: list[Any], **more: Any) -> bytes:
        head = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "model": "model-1-2026-01-01"}
        return _data({**head, "choices": choices, **more})

    def choice(delta: dict[str, Any], finish: str | None = None) -> list[Any]:
        return [{"index": 0, "delta": delta, "finish_reason": finish}]

    events = [chunk(choice({"role": "assistant", "content": ""}))]
    events += [chunk(choice({"content": piece})) for piece in pieces]
    if reason:
        events.append(chunk(choice({}, reason)))
    if usage:
        events.append(chunk([], usage={"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}))
    return [*events, b"data: [DONE]\n\n"]


def _openai_error(message: str, kind: str = "") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind or "invalid_request_error", "param": None, "code": None}}


def _openai_coded(status: int, code: str, message: str, **more: Any) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code, **more}
    return Answer(status=status, body=as_json({"error": error}))


OPENAI = Dialect(
    vendor=Vendor.OPENAI,
    path="/v1/chat/completions",
    url_suffix="/v1",
    whole=_openai_whole,
    events=_openai_events,
    error=_openai_error,
    over_quota=_openai_coded(
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
        type="insufficient_quota",
    ),
    too_long=_openai_coded(
        400,
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
        param="messages",
    ),
    refused=Answer(body=as_json(_openai_whole(None, refusal="I can't help with that."))),
    no_such_model=_openai_coded(
        404, "model_not_found", "The model `model-1` does not exist or you do not have access to it."
    ),
)

# A server of one's own, as vLLM writes its errors.
OPENAI_COMPATIBLE = Dialect(
    vendor=Vendor.OPENAI_COMPATIBLE,
    path="/v1/chat/completions",
    url_suffix="/v1",
    whole=_openai_whole,
    events=_openai_events,
    error=lambda message, kind: {
        "object": "error",
        "message": message,
        "type": kind or "Error",
        "code": None,
    },
    over_quota=Answer(status=402, body=as_json({"error": {"message": "Insufficient credits", "code": 402}})),
    too_long=Answer(
        status=400,
        body=as_json(
            {
                "object": "error",
                "message": "This model's maximum context length is 2048 tokens. However, you requested 2100.",
                "type": "BadRequestError",
                "code": 400,
            }
        ),
    ),
    refused=Answer(body=as_json(_openai_whole("", reason="content_filter"))),
    no_such_model=Answer(
        status=404,
        body=as_json(
            {
                "object": "error",
                "message": "The model `model-1` does not exist.",
                "type": "NotFoundError",
                "code": 404,
            }
        ),
    ),
)

# -- Anthropic


def _anthropic_whole(text: str | None, *, reason: str = "end_turn", usage: bool = True) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": "msg_9",
        "type": "message",
        "role": "assistant",
        "model": "model-1-2026-01-01",
        "content": [] if text is None else [{"type": "text", "text": text}],
        "stop_reason": reason,
        "stop_sequence": None,
    }
    if usage:
        body["usage"] = {
            "input_tokens": 6,
            "cache_creation_input_tokens": 2,
            "cache_read_input_tokens": 4,
            "output_tokens": 5,
        }
    return body


def _anthropic_events(pieces: Sequence[str], *, reason: str | None = "end_turn", usage: bool = True) -> list[bytes]:
    start = {**_anthropic_whole(None, reason="", usage=usage), "stop_reason": None}
    if usage:
        start["usage"] = {"input_tokens": 12, "output_tokens": 1}
    events = [
        _event("message_start", {"type": "message_start", "message": start}),
        _event(
            "content_block_start",
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        ),
        _event("ping", {"type": "ping"}),
    ]
    for piece in pieces:
        delta = {"type": "text_delta", "text": piece}
        events.append(_event("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}))
    events.append(_event("content_block_stop", {"type": "content_block_stop", "index": 0}))
    if reason:
        end: dict[str, Any] = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
        }
        if usage:
            end["usage"] = {"output_tokens": 5}
        events += [_event("message_delta", end), _event("message_stop", {"type": "message_stop"})]
    return events


def _anthropic_error(message: str, kind: str = "") -> dict[str, Any]:
    return {
        "type": "error",
        "error": {"type": kind or "api_error", "message": message},
        "request_id": "req_9",
    }


ANTHROPIC = Dialect(
    vendor=Vendor.ANTHROPIC,
    path="/v1/messages",
    url_suffix="",
    whole=_anthropic_whole,
    events=_anthropic_events,
    error=_anthropic_error,
    over_quota=Answer(
        status=400,
        body=as_json(
            _anthropic_error(
                "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
                "invalid_request_error",
            )
        ),
    ),
    too_long=Answer(
        status=400,
        body=as_json(_anthropic_error("prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error")),
    ),
    refused=Answer(body=as_json(_anthropic_whole(None, reason="refusal"))),
    no_such_model=Answer(status=404, body=as_json(_anthropic_error("model: model-1", "not_found_error"))),
)

# -- Cohere


def _cohere_usage() -> dict[str, Any]:
    return {
        "billed_units": {"input_tokens": 12, "output_tokens": 5},
        "tokens": {"input_tokens": 80, "output_tokens": 6},
        "cached_tokens": 4,
    }


def _cohere_whole(text: str | None, *, reason: str = "COMPLETE", usage: bool = True) -> dict[str, Any]:
    content = [] if text is None else [{"type": "text", "text": text}]
    body: dict[str, Any] = {
        "id": "c-9",
        "finish_reason": reason,
        "message": {"role": "assistant", "content": content},
    }
    return {**body, "usage": _cohere_usage()} if usage else body


def _cohere_events(pieces: Sequence[str], *, reason: str | None = "COMPLETE", usage: bool = True) -> list[bytes]:
    start = {"id": "c-9", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}
    events = [
        _event("message-start", start),
        _event(
            "content-start",
            {
                "type": "content-start",
                "index": 0,
                "delta": {"message": {"content": {"type": "text", "text": ""}}},
            },
        ),
    ]
    for piece in pieces:
        delta = {"message": {"content": {"text": piece}}}
        events.append(_event("content-delta", {"type": "content-delta", "index": 0, "delta": delta}))
    events.append(_event("content-end", {"type": "content-end", "index": 0}))
    if reason:
        end: dict[str, Any] = {"finish_reason": reason}
        if usage:
            end["usage"] = _cohere_usage()
        events.append(_event("message-end", {"type": "message-end", "delta": end}))
    return [*events, b"data: [DONE]\n\n"]


COHERE = Dialect(
    vendor=Vendor.COHERE,
    path="/v2/chat",
    url_suffix="",
    whole=_cohere_whole,
    events=_cohere_events,
    error=lambda message, _kind: {"id": "e-9", "message": message},
    over_quota=Answer(status=402, body=as_json({"message": "You have reached your billing limit."})),
    too_long=Answer(
        status=400,
        body=as_json({"message": "too many tokens: total number of tokens cannot exceed 128000 - received 130001."}),
    ),
    refused=Answer(status=498, body=as_json({"message": "blocked output: please adjust your prompt"})),
    no_such_model=Answer(
        status=404,
        body=as_json({"message": "model 'model-1' not found, make sure the correct model ID was used."}),
    ),
)

ALL = (OPENAI, OPENAI_COMPATIBLE, ANTHROPIC, COHERE)
