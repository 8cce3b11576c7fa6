"""What the search over everything finds of prompts."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from llmops.core.models import Project
from llmops.panels import Hit
from prompts_app.selectors.prompts import prompts_for_project


def prompts_found(project: Project, text: str, limit: int) -> list[Hit]:
    """Prompts by name and tags, newest change first."""
    annotated: Any = prompts_for_project(project, search=text)
    found = annotated.values_list("name", "latest_number")
    return [
        Hit(name, reverse("prompts:prompt-detail", args=[project.slug, name]), f"version {number}")
        for name, number in found[:limit]
    ]
