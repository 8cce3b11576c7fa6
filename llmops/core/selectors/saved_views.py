"""Reading saved views: everybody's that are shared, and one's own."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import Http404

from llmops.core.models import Project, SavedView, User


def saved_views(project: Project, *, user: User, place: str, subject: str = "") -> list[SavedView]:
    """The views of a list that this person sees, in the order of their names."""
    found = _seen_by(user, project).filter(place=place, subject=subject, removed_at=None)
    return list(found.order_by("name", "pk"))


def saved_view_by_pk(project: Project, *, user: User, pk: int) -> SavedView:
    """A view that this person sees, removed ones among them. Raises Http404."""
    view = _seen_by(user, project).filter(pk=pk).first()
    if view is None:
        raise Http404("There is no such view in this project.")
    return view


def _seen_by(user: User, project: Project) -> QuerySet[SavedView]:
    return SavedView.objects.filter(Q(is_shared=True) | Q(owner=user), project=project)
