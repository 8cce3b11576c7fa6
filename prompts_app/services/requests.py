"""From a version and a case's inputs to what is asked of a model."""

from __future__ import annotations

from collections.abc import Mapping

from llmops.providers.base import ChatRequest, Message
from prompts_app.models import PromptVersion
from prompts_app.rendering import render
from prompts_app.services.prompts import VersionContent, content_problems


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


def draft_request(content: VersionContent, *, inputs: Mapping[str, str]) -> ChatRequest:
    """The request for messages that are not saved yet, as saving would send them.

    Raises PromptProblem, MissingVariable, RenderedTooLong. No queries.
    """
    for problem in content_problems(content.messages):
        raise problem
    unsaved = PromptVersion(
        messages=[{"role": message.role, "content": message.content} for message in content.messages],
        model=content.model,
        temperature=content.temperature,
        max_tokens=content.max_tokens,
        model_options=dict(content.options),
        output_schema=content.output_schema,
    )
    return version_request(unsaved, inputs=inputs)
