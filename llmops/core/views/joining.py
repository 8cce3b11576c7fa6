"""The page behind the link of an invitation."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from llmops.core.access import open_page
from llmops.core.forms import JoinForm
from llmops.core.models import Invitation, User
from llmops.core.selectors.invitations import invitation_by_token
from llmops.core.services.invitations import (
    InvitationVoid,
    NotInvited,
    invitation_accept,
    invitation_accept_as_new,
)
from llmops.core.services.sign_ins import sign_in


@open_page
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Join a project: with one press when signed in as the invited person, else by signing in or with an account that
    is made here. Only the holder of the mailed or copied link comes this far."""
    offer = invitation_by_token(token)
    if gone := _gone(offer):
        return _page(request, offer, {"gone": gone}, status=410)
    if request.user.is_authenticated:
        return _join(request, offer, request.user)
    if User.objects.with_email(offer.email).exists():
        return _page(request, offer, {"has_account": True})
    return _join_as_new(request, offer)


def _join(request: HttpRequest, offer: Invitation, user: User) -> HttpResponse:
    if request.method != "POST":
        return _page(request, offer, {"is_for_other": user.email.lower() != offer.email})
    try:
        invitation_accept(offer, user=user)
    except NotInvited:
        return _page(request, offer, {"is_for_other": True}, status=403)
    except InvitationVoid:
        return _page(request, offer, {"gone": "used"}, status=410)
    return _welcome(request, offer)


def _join_as_new(request: HttpRequest, offer: Invitation) -> HttpResponse:
    form = JoinForm(request.POST or None, email=offer.email)
    if form.is_valid():
        try:
            user = invitation_accept_as_new(
                offer, name=form.cleaned_data["name"], password=form.cleaned_data["password"]
            )
        except InvitationVoid:
            return _page(request, offer, {"gone": "used"}, status=410)
        except IntegrityError:
            return _page(request, offer, {"has_account": True}, status=409)
        sign_in(request, user)
        return _welcome(request, offer)
    return _page(request, offer, {"form": form}, status=422 if form.errors else 200)


def _welcome(request: HttpRequest, offer: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to “{offer.project}”.")
    return redirect("core:home", project=offer.project.slug)


def _gone(offer: Invitation) -> str:
    if offer.accepted_at:
        return "used"
    if offer.revoked_at:
        return "revoked"
    return "expired" if offer.has_expired else ""


def _page(request: HttpRequest, offer: Invitation, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render(request, "core/invitation.html", {"offer": offer, **context}, status=status)
