"""Invitations: sent, sent again, revoked, accepted."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from llmops.core.choices import AuditKind, Role
from llmops.core.models import Invitation, Membership, Project, User
from llmops.core.selectors.invitations import open_invitations
from llmops.core.services.audit import audit_note


class AlreadyMember(ValueError):
    """The address belongs to somebody who is in the project."""


class NotInvited(PermissionError):
    """The invitation is for another address."""


class InvitationVoid(ValueError):
    """The invitation was accepted, revoked, sent again or has expired."""


def invitation_send(*, project: Project, email: str, role: Role, invited_by: User | None = None) -> Invitation:
    """Invite an address; one that is invited already gets a new link and this role. Raises AlreadyMember.

    One statement, so that two administrators at the same moment make one invitation. Mail is sent by the task.
    """
    email = email.strip().lower()
    if Membership.objects.filter(project=project, user__email=email).exists():
        raise AlreadyMember(email)
    fresh = {"role": role, "invited_by": invited_by, **_fresh()}
    with transaction.atomic():
        invitation, _ = open_invitations(project).update_or_create(
            email=email, defaults=fresh, create_defaults={"project": project, **fresh}
        )
        _note(invitation, "invited", f"invited {email} as {role}")
    return invitation


def invitation_send_again(invitation: Invitation) -> None:
    """Make a new link, which lasts as long as the first did; the one before is void. Raises InvitationVoid."""
    with transaction.atomic():
        if not open_invitations(invitation.project).filter(pk=invitation.pk).update(**_fresh()):
            raise InvitationVoid
        invitation.refresh_from_db()
        _note(invitation, "invited_again", f"invited {invitation.email} as {invitation.role} once more")


def invitation_revoke(invitation: Invitation) -> None:
    """Make the link useless. Idempotent; an accepted invitation stays accepted."""
    with transaction.atomic():
        if open_invitations(invitation.project).filter(pk=invitation.pk).update(revoked_at=timezone.now()):
            _note(invitation, "invitation_withdrawn", f"withdrew the invitation for {invitation.email}")


def invitation_accept(invitation: Invitation, *, user: User) -> None:
    """Make `user` a member with the role that was offered; whoever has become one meanwhile keeps their role.

    Raises NotInvited when the invitation is for another address, InvitationVoid when it is used up. One transaction;
    of many at the same moment one succeeds.
    """
    if user.email.lower() != invitation.email:
        raise NotInvited(user.email)
    now = timezone.now()
    with transaction.atomic():
        taken = Invitation.objects.filter(
            pk=invitation.pk,
            serial=invitation.serial,
            accepted_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=now,
        ).update(accepted_at=now, accepted_by=user)
        if not taken:
            raise InvitationVoid
        membership, is_new = Membership.objects.get_or_create(
            project=invitation.project, user=user, defaults={"role": invitation.role}
        )
        as_what = "" if is_new else f", and stays {membership.role}"
        _note(invitation, "joined", f"accepted the invitation to join as {invitation.role}{as_what}", user=user)


def invitation_accept_as_new(invitation: Invitation, *, name: str, password: str) -> User:
    """Make an account for the invited address and accept with it. Raises as `invitation_accept`, and IntegrityError
    when the account has come into being meanwhile; then nothing was done."""
    with transaction.atomic():
        user = User.objects.create_user(invitation.email, password, name=name)
        invitation_accept(invitation, user=user)
    return user


def _note(invitation: Invitation, action: str, what: str, *, user: User | None = None) -> None:
    by = str(invitation.invited_by) if invitation.invited_by else ""
    after = {"e-mail": invitation.email, "role": str(invitation.role), "invited by": by}
    audit_note(AuditKind.MEMBER, action, what, project_id=invitation.project_id, after=after, user=user)


def _fresh() -> dict[str, object]:
    now = timezone.now()
    lasts = timedelta(days=settings.INVITATION_DAYS)
    return {"serial": secrets.token_hex(16), "sent_at": now, "expires_at": now + lasts}
