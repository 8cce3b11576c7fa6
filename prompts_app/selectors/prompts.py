"""Reading prompts and versions."""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple

from django.db.models import BooleanField, Count, Exists, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.http import Http404

from llmops.core.models import Project
from prompts_app.models import Prompt, PromptVersion


def prompts_for_project(
    project: Project, *, search: str = "", tag: str = "", archived: bool = False
) -> QuerySet[Prompt]:
    """The project's prompts, newest change first; `search` looks into names, tags, folders and newest texts.

    Each has what its newest version says: `latest_number`,
    `latest_model`, `latest_message`, and its author as `latest_name` and `latest_email`."""
    newest = PromptVersion.objects.filter(prompt=OuterRef("pk")).order_by("-number")
    prompts = Prompt.objects.filter(project=project, archived_at__isnull=not archived).annotate(
        latest_number=Subquery(newest.values("number")[:1]),
        latest_model=Subquery(newest.values("model")[:1]),
        latest_message=Subquery(newest.values("message")[:1]),
        latest_name=Subquery(newest.values("created_by__name")[:1]),
        latest_email=Subquery(newest.values("created_by__email")[:1]),
    )
    if tag:
        prompts = prompts.filter(tags__contains=[tag])
    if search := search.replace("\x00", ""):
        texts = PromptVersion.objects.filter(prompt=OuterRef("pk"), number=OuterRef("latest_number"))
        prompts = prompts.filter(
            Q(name__icontains=search)
            | Q(tags__icontains=search)
            | Q(folder__icontains=search)
            | Exists(texts.filter(_says(search)))
        )
    return prompts.order_by("-updated_at", "-pk")


def _says(text: str) -> Func:
    """Whether a message holds this text, in any case of letters."""
    path = f'$[*].content ? (@ like_regex {json.dumps(text)} flag "iq")'
    return Func(
        F("messages"),
        Value(path),
        function="jsonb_path_exists",
        template="%(function)s(%(expressions)s::jsonpath)",
        output_field=BooleanField(),
    )


def has_prompts(project: Project) -> bool:
    """Whether anybody wrote a prompt here yet."""
    return Prompt.objects.filter(project=project).exists()


class PromptCounts(NamedTuple):
    """How many prompts a project has in use, and in its archive."""

    in_use: int
    archived: int


def prompt_counts(project: Project) -> PromptCounts:
    """Both counts in one query."""
    archived = Count("pk", filter=Q(archived_at__isnull=False))
    found = Prompt.objects.filter(project=project).aggregate(n=Count("pk"), archived=archived)
    return PromptCounts(found["n"] - found["archived"], found["archived"])


def prompt_tags_in(project: Project) -> list[tuple[str, int]]:
    """The tags of the project's prompts in use, with how many prompts have each; the most used first."""
    lists = Prompt.objects.filter(project=project, archived_at__isnull=True).values_list("tags", flat=True)
    counts = Counter(tag for tags in lists for tag in tags)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].lower()))


def prompt_by_name(project: Project, *, name: str) -> Prompt:
    """The project's prompt of this name. Raises Http404."""
    prompt = Prompt.objects.filter(project=project, name=name).select_related("project").first()
    if prompt is None:
        raise Http404(f"There is no prompt called “{name}” in this project.")
    return prompt


def prompt_versions(prompt: Prompt) -> QuerySet[PromptVersion]:
    """All versions, newest first."""
    return prompt.versions.select_related("connection", "created_by").order_by("-number")


class VersionsPage(NamedTuple):
    """Some versions, newest first, and the `before` of the next page, if there is one."""

    rows: list[PromptVersion]
    next_before: int | None


def versions_page(prompt: Prompt, *, before: int | None, size: int = 50) -> VersionsPage:
    """Versions with numbers below `before` (None: from the newest), without their texts."""
    versions = prompt_versions(prompt).defer("messages", "output_schema")
    if before is not None:
        versions = versions.filter(number__lt=before)
    rows = list(versions[: size + 1])
    return VersionsPage(rows[:size], rows[size - 1].number if len(rows) > size else None)


def latest_version(prompt: Prompt) -> PromptVersion:
    """The version with the highest number; every prompt has one."""
    return prompt_versions(prompt)[0]


def prompt_version(prompt: Prompt, *, number: int) -> PromptVersion:
    """One version by number. Raises Http404."""
    version = prompt_versions(prompt).filter(number=number).select_related("prompt").first()
    if version is None:
        raise Http404(f"“{prompt.name}” has no version {number}.")
    return version
