"""Reading invitations, and the links that open them."""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse

from llmops.core.models import Invitation, Project

_SALT = "llmops.invitation"


def open_invitations(project: Project) -> QuerySet[Invitation]:
    """Invitations that nobody accepted or revoked, expired ones too: they can be sent again."""
    opened = Invitation.objects.filter(project=project, accepted_at__isnull=True, revoked_at__isnull=True)
    return opened.order_by("email", "pk")


def invitation_by_pk(project: Project, *, pk: int) -> Invitation:
    """The project's open invitation. Raises Http404."""
    found = open_invitations(project).filter(pk=pk).select_related("project").first()
    if found is None:
        raise Http404("There is no such open invitation in this project.")
    return found


def invitation_link(invitation: Invitation) -> str:
    """The address that accepts this invitation, as the invited person opens it."""
    token = signing.Signer(salt=_SALT).sign(f"{invitation.pk}:{invitation.serial}").replace(":", ".")
    return settings.PUBLIC_URL + reverse("invitation", args=[token])


def invitation_by_token(token: str) -> Invitation:
    """The invitation that a link names, whatever has become of it. Raises Http404 when we did not make the link, or
    have sent a newer one since."""
    try:
        pk, serial = signing.Signer(salt=_SALT).unsign(token.replace(".", ":")).split(":")
    except (signing.BadSignature, ValueError) as forged:
        raise Http404("There is no such invitation.") from forged
    found = Invitation.objects.filter(pk=int(pk), serial=serial).select_related("project", "invited_by").first()
    if found is None:
        raise Http404("This link is older than the invitation.")
    return found
