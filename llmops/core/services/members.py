"""Who belongs to a project, and with which role. A project always keeps an administrator who can sign in."""

from __future__ import annotations

from django.db import transaction

from llmops.core.choices import Role
from llmops.core.models import Membership, Project, User


class LastAdmin(Exception):
    """The project would be left without anybody who may look after it."""


def member_set(*, project: Project, user: User, role: Role) -> Membership:
    """Give a person a role in a project, in place of the one they had. Idempotent. Raises LastAdmin.

    One transaction, which holds the project's row against others who take away roles at the same time.
    """
    with transaction.atomic():
        if role is not Role.ADMIN:
            _keep_an_admin(project, beside=user)
        membership, _ = Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
    return membership


def member_remove(*, project: Project, user: User) -> None:
    """Take a person out of a project, from their next request on. Idempotent. Raises LastAdmin.

    One transaction, locked as in `member_set`.
    """
    with transaction.atomic():
        _keep_an_admin(project, beside=user)
        Membership.objects.filter(project=project, user=user).delete()


def _keep_an_admin(project: Project, *, beside: User) -> None:
    # Not FOR UPDATE, for which every new row that points at the project would wait.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    admins = Membership.objects.filter(project=project, role=Role.ADMIN)
    if not admins.filter(user=beside).exists():
        return
    if not admins.filter(user__is_active=True).exclude(user=beside).exists():
        raise LastAdmin
