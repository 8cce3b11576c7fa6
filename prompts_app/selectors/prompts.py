"""Reading prompts and versions."""

from __future__ import annotations

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404

from llmops.core.models import Project
from prompts_app.models import Prompt, PromptVersion


def prompts_for_project(project: Project, *, search: str = "", archived: bool = False) -> QuerySet[Prompt]:
    """The project's prompts, newest change first, each with its `latest_number`, `latest_model`, `latest_message`."""
    newest = PromptVersion.objects.filter(prompt=OuterRef("pk")).order_by("-number")
    prompts = Prompt.objects.filter(project=project, archived_at__isnull=not archived).annotate(
        latest_number=Subquery(newest.values("number")[:1]),
        latest_model=Subquery(newest.values("model")[:1]),
        latest_message=Subquery(newest.values("message")[:1]),
    )
    if search:
        prompts = prompts.filter(Q(name__icontains=search) | Q(tags__icontains=search))
    return prompts.order_by("-updated_at", "-pk")


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
