"""Reading prompts and versions."""

from __future__ import annotations

from collections import Counter

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404

from llmops.core.models import Project
from prompts_app.models import Prompt, PromptVersion


def prompts_for_project(
    project: Project, *, search: str = "", tag: str = "", archived: bool = False
) -> QuerySet[Prompt]:
    """The project's prompts, newest change first, each with what its newest version says: `latest_number`,
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
    if search:
        prompts = prompts.filter(Q(name__icontains=search) | Q(tags__icontains=search))
    return prompts.order_by("-updated_at", "-pk")


def has_prompts(project: Project) -> bool:
    """Whether anybody wrote a prompt here yet."""
    return Prompt.objects.filter(project=project).exists()


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


def latest_version(prompt: Prompt) -> PromptVersion:
    """The version with the highest number; every prompt has one."""
    return prompt_versions(prompt)[0]


def prompt_version(prompt: Prompt, *, number: int) -> PromptVersion:
    """One version by number. Raises Http404."""
    version = prompt_versions(prompt).filter(number=number).select_related("prompt").first()
    if version is None:
        raise Http404(f"“{prompt.name}” has no version {number}.")
    return version
