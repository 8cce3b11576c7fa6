"""Who belongs to a project, and with which role. A project always keeps an administrator who can sign in."""

from __future__ import annotations

from django.db import transaction

from llmops.core.acting import acting_now
from llmops.core.choices import AuditKind, Role
from llmops.core.models import Membership, Project, User
from llmops.core.services.audit import audit_note

Facts = dict[str, str]


class LastAdmin(Exception):
    """The project would be left without anybody who may look after it."""


def member_set(*, project: Project, user: User, role: Role) -> Membership:
    """Give a person a role in a project, in place of the one they had. Idempotent. Raises LastAdmin.

    One transaction, which holds the project's row against others who give or take away roles at the same time.
    """
    with transaction.atomic():
        _lock(project)
        membership = Membership.objects.filter(project=project, user=user).first()
        if membership is None:
            _note(project, "added", f"added {user} as {role}", after=_facts(user, role))
            return Membership.objects.create(project=project, user=user, role=role)
        if membership.role == role:
            return membership
        _keep_an_admin(project, beside=user)
        whose = "their own role" if acting_now().user == user else f"{user}’s role"
        what = f"changed {whose} from {membership.role} to {role}"
        _note(project, "role_changed", what, before=_facts(user, membership.role), after=_facts(user, role))
        membership.role = role
        membership.save(update_fields=["role"])
    return membership


def member_remove(*, project: Project, user: User) -> None:
    """Take a person out of a project, from their next request on. Idempotent. Raises LastAdmin.

    One transaction, locked as in `member_set`.
    """
    with transaction.atomic():
        _lock(project)
        membership = Membership.objects.filter(project=project, user=user).first()
        if membership is None:
            return
        _keep_an_admin(project, beside=user)
        membership.delete()
        what = "left the project" if acting_now().user == user else f"removed {user}"
        _note(project, "removed", what, before=_facts(user, membership.role))


def _lock(project: Project) -> None:
    # Not FOR UPDATE, for which every new row that points at the project would wait.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _keep_an_admin(project: Project, *, beside: User) -> None:
    """Raises LastAdmin when the person is an administrator and no other one could sign in."""
    admins = Membership.objects.filter(project=project, role=Role.ADMIN)
    if not admins.filter(user=beside).exists():
        return
    if not admins.filter(user__is_active=True).exclude(user=beside).exists():
        raise LastAdmin


def _facts(user: User, role: str) -> Facts:
    return {"member": user.email, "role": str(role)}


def _note(project: Project, action: str, what: str, *, before: Facts | None = None, after: Facts | None = None) -> None:
    audit_note(AuditKind.MEMBER, action, what, project_id=project.pk, before=before, after=after)
