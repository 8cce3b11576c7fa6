"""Finding what a request's body names."""

from __future__ import annotations

from django.http import Http404

from llmops.core.api.errors import ApiProblem
from llmops.core.models import Connection, Project
from llmops.core.selectors import connection_by_name


def named_connection(project: Project, name: str, *, field: str = "model.connection") -> Connection | None:
    """The connection that a body names in `field`; None for an empty name. Raises ApiProblem (422)."""
    if not name:
        return None
    try:
        return connection_by_name(project, name=name)
    except Http404 as missing:
        raise ApiProblem("invalid", str(missing), fields=[{"field": field, "message": str(missing)}]) from missing
