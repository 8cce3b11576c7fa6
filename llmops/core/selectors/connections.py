"""Reading connections."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404

from llmops.core.models import Connection, Project


def connections_for_project(project: Project) -> QuerySet[Connection]:
    """The project's connections in use, by name."""
    return Connection.objects.filter(project=project, archived_at__isnull=True).order_by("name", "pk")


def has_connections(project: Project) -> bool:
    """Whether a model can be called from this project."""
    return connections_for_project(project).exists()


def connection_by_name(project: Project, *, name: str) -> Connection:
    """The connection of this name, in any case of letters. Raises Http404."""
    found = connections_for_project(project).filter(name__iexact=name).first()
    if found is None:
        raise Http404(f"There is no connection called “{name}” in this project.")
    return found
