"""Mail to people: plain text, one link, no tracking."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from llmops.core.models import Invitation, User
from llmops.core.selectors.accounts import reset_link
from llmops.core.selectors.invitations import invitation_link


def invitation_mail(*, invitation_id: int) -> None:
    """Send an open invitation to its address. Safe to repeat: the same link is sent again."""
    invitation = (
        Invitation.objects.filter(pk=invitation_id, accepted_at__isnull=True, revoked_at__isnull=True)
        .select_related("project", "invited_by")
        .first()
    )
    if invitation is None:
        return
    context = {"invitation": invitation, "link": invitation_link(invitation)}
    _send("invitation", context, to=invitation.email)


def password_reset_mail(*, user_id: int) -> None:
    """Send a person the link to a new password. Safe to repeat: any of the links works, until one has."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    _send("password_reset", {"user": user, "link": reset_link(user), "minutes": minutes}, to=user.email)


def _send(name: str, context: dict[str, object], *, to: str) -> None:
    """The first line of the template is the subject."""
    subject, _, body = render_to_string(f"mail/{name}.txt", context).partition("\n")
    send_mail(subject.strip(), body.strip() + "\n", None, [to])
