"""Prompts and versions: made, published, archived."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jsonschema
from django.db import IntegrityError, transaction
from django.utils import timezone

from llmops.core.choices import AuditKind
from llmops.core.models import Connection, Project, User
from llmops.core.naming import name_problem
from llmops.core.services import audit_note
from llmops.core.services.archiving import row_archive, row_unarchive
from llmops.providers.base import Message
from prompts_app.choices import PromptKind
from prompts_app.models import Prompt, PromptVersion
from prompts_app.rendering import check_template, variables_in

MOST_CHARS = 1_000_000
MOST_TOKENS = 10_000_000
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
ROLES = ("system", "user", "assistant")


_CONTENT_COLUMNS = (
    "messages",
    "connection",
    "model",
    "temperature",
    "max_tokens",
    "model_options",
    "output_schema",
    "variables",
    "content_hash",
)


class PromptProblem(ValueError):
    """A prompt that cannot be as asked; says which field and what to do."""

    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.field = field_name
        self.message = message


class PromptNameTaken(PromptProblem):
    """There is a prompt of this name in the project already."""


class NewerVersion(Exception):
    """Somebody saved a version while this one was written; `version` is the newest now."""

    def __init__(self, version: PromptVersion) -> None:
        super().__init__(f"Version {version.number} was saved meanwhile.")
        self.version = version


@dataclass(frozen=True, slots=True)
class VersionContent:
    """What a version holds: messages, and which model answers them with which settings."""

    messages: Sequence[Message]
    connection: Connection | None = None
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None


class Published(NamedTuple):
    """A version, and whether it was made now or was there with the same content."""

    version: PromptVersion
    created: bool


def prompt_create(
    *,
    project: Project,
    name: str,
    kind: PromptKind,
    content: VersionContent,
    message: str = "",
    tags: Sequence[str] = (),
    author: User | None = None,
) -> PromptVersion:
    """Make a prompt with its version 1, in one transaction. Raises PromptProblem, PromptNameTaken."""
    if problem := name_problem(name):
        raise PromptProblem("name", problem)
    columns = _checked_columns(content, kind)
    try:
        with transaction.atomic():
            prompt = Prompt.objects.create(
                project=project, name=name, kind=kind, tags=list(dict.fromkeys(tags)), created_by=author
            )
            _note(prompt, "made", f"made the prompt “{name}”", message=message[:300])
            return PromptVersion.objects.create(
                prompt=prompt, number=1, message=message[:300], created_by=author, **columns
            )
    except IntegrityError as taken:
        raise PromptNameTaken("name", f"There is already a prompt called “{name}”. Choose another name.") from taken


def version_publish(
    prompt: Prompt,
    *,
    content: VersionContent,
    message: str = "",
    author: User | None = None,
    newest_seen: int | None = None,
) -> Published:
    """Add a version; content that an earlier version has already gives that version back.

    Locks the prompt's row, so numbers have no gaps and two equal publications make one version.
    Raises PromptProblem, and NewerVersion when `newest_seen` is given and is not the newest any more.
    """
    columns = _checked_columns(content, PromptKind(prompt.kind))
    with transaction.atomic():
        Prompt.objects.select_for_update().get(pk=prompt.pk)
        versions = PromptVersion.objects.filter(prompt=prompt).order_by("-number")
        same = versions.filter(content_hash=columns["content_hash"]).first()
        if same is not None:
            return Published(same, created=False)
        newest = versions.select_related("created_by").first()
        if newest is not None and newest_seen is not None and newest.number > newest_seen:
            raise NewerVersion(newest)
        number = (newest.number if newest else 0) + 1
        return _version_add(prompt, number, columns, message=message[:300], author=author)


def version_restore(prompt: Prompt, *, version: PromptVersion, author: User | None = None) -> Published:
    """Make an earlier version the newest again, as a new version with the same content.

    Locks the prompt's row. When the newest says the same already, that one is given back. Versions that went
    between stay.
    """
    with transaction.atomic():
        Prompt.objects.select_for_update().get(pk=prompt.pk)
        newest = PromptVersion.objects.filter(prompt=prompt).order_by("-number")[0]
        if newest.content_hash == version.content_hash:
            return Published(newest, created=False)
        columns = {name: getattr(version, name) for name in _CONTENT_COLUMNS}
        message = f"Back to version {version.number}"
        return _version_add(prompt, newest.number + 1, columns, message=message, author=author)


def _version_add(
    prompt: Prompt, number: int, columns: dict[str, Any], *, message: str, author: User | None
) -> Published:
    version = PromptVersion.objects.create(prompt=prompt, number=number, message=message, created_by=author, **columns)
    Prompt.objects.filter(pk=prompt.pk).update(updated_at=timezone.now())
    _note(prompt, "changed", f"saved version {number} of the prompt “{prompt.name}”", message=message)
    return Published(version, created=True)


def _note(prompt: Prompt, action: str, what: str, *, message: str) -> None:
    after = {"message": message} if message else None
    audit_note(AuditKind.PROMPT, action, what, project_id=prompt.project_id, after=after)


def prompt_duplicate(version: PromptVersion, *, name: str, author: User | None = None) -> PromptVersion:
    """Make a prompt of its own from one version, with the same tags. Raises PromptProblem, PromptNameTaken."""
    prompt = version.prompt
    return prompt_create(
        project=prompt.project,
        name=name,
        kind=PromptKind(prompt.kind),
        content=version_content(version),
        message=f"Copied from {prompt.name}, version {version.number}",
        tags=prompt.tags,
        author=author,
    )


def version_content(version: PromptVersion) -> VersionContent:
    """What a version holds, as it would be published again."""
    return VersionContent(
        messages=[Message(part["role"], part["content"]) for part in version.messages],
        connection=version.connection,
        model=version.model,
        temperature=version.temperature,
        max_tokens=version.max_tokens,
        options=version.model_options,
        output_schema=version.output_schema,
    )


def prompt_tag(prompt: Prompt, *, tags: Sequence[str]) -> None:
    """Replace a prompt's tags. Idempotent."""
    Prompt.objects.filter(pk=prompt.pk).update(tags=list(dict.fromkeys(tags)))


def prompt_archive(prompt: Prompt) -> None:
    """Take a prompt out of the lists; its versions and runs stay. Idempotent."""
    row_archive(prompt, AuditKind.PROMPT)


def prompt_unarchive(prompt: Prompt) -> None:
    """Bring an archived prompt back. Idempotent."""
    row_unarchive(prompt, AuditKind.PROMPT)


def content_problems(messages: Sequence[Message]) -> list[PromptProblem]:
    """Everything that is wrong with these messages; `field` is `messages.<index>` from 0."""
    problems: list[PromptProblem] = []
    if not any(message.content.strip() for message in messages):
        problems.append(PromptProblem("messages", "Write at least one message."))
    total = sum(len(message.content) for message in messages)
    if total > MOST_CHARS:
        problems.append(
            PromptProblem(
                "messages",
                f"A prompt has at most {MOST_CHARS:,} characters; this one has {total:,}. Shorten it.",
            )
        )
        return problems
    for at, message in enumerate(messages):
        if message.role not in ROLES:
            problems.append(PromptProblem(f"messages.{at}", f"A role is one of {', '.join(ROLES)}."))
        if not _can_be_stored(message.content):
            problems.append(
                PromptProblem(f"messages.{at}", "The text holds a character that cannot be stored. Paste it again.")
            )
        problems += [
            PromptProblem(f"messages.{at}", f"Line {found.line}, column {found.column}: {found.message}")
            for found in check_template(message.content)
        ]
    return problems


def _checked_columns(content: VersionContent, kind: PromptKind) -> dict[str, Any]:
    for problem in content_problems(content.messages):
        raise problem
    if kind is PromptKind.TEXT and [message.role for message in content.messages] != ["user"]:
        raise PromptProblem("text", "A text prompt is one text. Make a chat prompt to send several messages.")
    if content.model and content.connection is None:
        raise PromptProblem("model", "Choose the connection that this model belongs to.")
    if content.temperature is not None and not 0 <= content.temperature <= 2:
        raise PromptProblem("temperature", "The temperature is a number from 0 to 2.")
    if content.max_tokens is not None and not 1 <= content.max_tokens <= MOST_TOKENS:
        raise PromptProblem("max_tokens", f"The longest answer has from 1 to {MOST_TOKENS:,} tokens.")
    for name, value in (("model", content.options), ("output_schema", content.output_schema)):
        if not _can_be_stored(value):
            raise PromptProblem(name, "It holds a character that cannot be stored.")
    if content.output_schema is not None:
        _check_output_schema(content.output_schema)
    messages = [{"role": message.role, "content": message.content} for message in content.messages]
    connection_id = content.connection.pk if content.connection else None
    hashed = [
        messages,
        connection_id,
        content.model,
        content.temperature,
        content.max_tokens,
        dict(content.options),
        content.output_schema,
    ]
    return {
        "messages": messages,
        "connection": content.connection,
        "model": content.model,
        "temperature": content.temperature,
        "max_tokens": content.max_tokens,
        "model_options": dict(content.options),
        "output_schema": content.output_schema,
        "variables": list(
            dict.fromkeys(name for message in content.messages for name in variables_in(message.content))
        ),
        "content_hash": hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest(),
    }


def _check_output_schema(schema: Mapping[str, Any]) -> None:
    """A vendor would refuse every call with a schema that is none."""
    try:
        jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator).check_schema(dict(schema))
    except jsonschema.SchemaError as wrong:
        place = ".".join(map(str, wrong.absolute_path)) or "the top"
        raise PromptProblem("output_schema", f"This is no JSON Schema: correct what stands at {place}.") from wrong
    except RecursionError as deep:
        raise PromptProblem("output_schema", "The schema is nested too deeply.") from deep


def _can_be_stored(value: Any) -> bool:
    """Whether the database takes this as JSON: no NUL, and no half of a character pair."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return not _NUL_IN_JSON.search(text)
