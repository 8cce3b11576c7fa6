"""From a version and a case's inputs to what is asked of a model."""

from __future__ import annotations

from collections.abc import Mapping

from llmops.providers.base import ChatRequest, Message
from prompts_app.models import PromptVersion
from prompts_app.rendering import render


def version_request(version: PromptVersion, *, inputs: Mapping[str, str], model: str = "") -> ChatRequest:
    """The request for these inputs; `model` overrides the version's. Raises MissingVariable. No queries."""
    options = dict(version.model_options)
    stop = options.pop("stop", ())
    return ChatRequest(
        model=model or version.model,
        messages=rendered_messages(version, inputs=inputs),
        temperature=version.temperature,
        max_tokens=version.max_tokens,
        top_p=options.pop("top_p", None),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=options.pop("seed", None),
        output_schema=version.output_schema,
        extra=options,
    )


def rendered_messages(version: PromptVersion, *, inputs: Mapping[str, str]) -> tuple[Message, ...]:
    """The version's messages with the inputs filled in. Raises MissingVariable."""
    return tuple(Message(part["role"], render(part["content"], inputs)) for part in version.messages)
