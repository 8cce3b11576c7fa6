"""What the search over everything finds of the core."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse

from llmops.core.models import Project
from llmops.core.selectors.connections import connections_for_project
from llmops.panels import Hit


def connections_found(project: Project, text: str, limit: int) -> list[Hit]:
    """Connections by name, vendor or model."""
    found = connections_for_project(project).filter(
        Q(name__icontains=text) | Q(vendor__icontains=text) | Q(default_model__icontains=text)
    )
    url = reverse("core:connection-list", args=[project.slug])
    return [Hit(connection.name, url, connection.default_model) for connection in found[:limit]]
