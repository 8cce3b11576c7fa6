"""Real prompts, made through the services that pages and the API use."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from llmops.core.models import Connection, Project
from llmops.providers.base import Message
from prompts_app.choices import PromptKind
from prompts_app.models import Prompt
from prompts_app.services import VersionContent, prompt_create

_numbers = itertools.count(1)
QUESTION = (("system", "Be kind."), ("user", "{{question}}"))


def content(
    *messages: tuple[str, str], connection: Connection | None = None, model: str = "", **settings: Any
) -> VersionContent:
    """Content with these (role, text) messages, or with instructions and a question."""
    return VersionContent([Message(role, text) for role, text in messages or QUESTION], connection, model, **settings)


def make_prompt(
    project: Project,
    *messages: tuple[str, str],
    name: str = "",
    tags: Sequence[str] = (),
    kind: PromptKind = PromptKind.CHAT,
    author: Any = None,
    **settings: Any,
) -> Prompt:
    version = prompt_create(
        project=project,
        name=name or f"prompt {next(_numbers)}",
        kind=kind,
        content=content(*messages, **settings),
        tags=tags,
        author=author,
    )
    return version.prompt
