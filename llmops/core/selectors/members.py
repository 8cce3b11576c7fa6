"""Reading who belongs to a project, and which keys speak for it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F, Q, QuerySet
from django.http import Http404

from llmops.core.choices import Role
from llmops.core.models import ApiKey, Membership, Project, User


def members_of_project(project: Project, *, search: str = "") -> QuerySet[Membership]:
    """The project's members with their people, by e-mail; `search` keeps those whose name or e-mail has every word."""
    found = Membership.objects.filter(project=project).select_related("user").order_by("user__email", "pk")
    for word in search.split():
        found = found.filter(Q(user__name__icontains=word) | Q(user__email__icontains=word))
    return found


def member_by_pk(project: Project, *, pk: int) -> Membership:
    """The project's member. Raises Http404."""
    found = members_of_project(project).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such member in this project.")
    return found


def only_admin(members: Iterable[Membership]) -> Membership | None:
    """Of all members of a project the one admin who can sign in, whom it cannot spare; None when there are several."""
    admins = [member for member in members if member.role == Role.ADMIN and member.user.is_active]
    return admins[0] if len(admins) == 1 else None


def keys_made_by(project: Project, *, user: User) -> QuerySet[ApiKey]:
    """The project's keys that this person made and nobody revoked."""
    return ApiKey.objects.filter(project=project, created_by=user, revoked_at__isnull=True)


def api_keys_for_project(project: Project) -> QuerySet[ApiKey]:
    """All keys that were ever made: those in use first, newest first."""
    return (
        ApiKey.objects.filter(project=project)
        .select_related("created_by")
        .order_by(F("revoked_at").desc(nulls_first=True), "-created_at", "-pk")
    )


def api_key_by_pk(project: Project, *, pk: int) -> ApiKey:
    """The project's key. Raises Http404."""
    key = ApiKey.objects.filter(project=project, pk=pk).first()
    if key is None:
        raise Http404("There is no such key in this project.")
    return key
