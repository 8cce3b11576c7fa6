"""A forgotten password: asking for a link by mail, and using it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from llmops.core.access import open_page
from llmops.core.forms.account import ForgottenPasswordForm, NewPasswordForm
from llmops.core.selectors.accounts import user_by_reset_token
from llmops.core.services.accounts import ResetLinkVoid
from llmops.core.services.accounts import password_reset as reset
from llmops.core.services.resets import MOST_OF_ACCOUNT, reset_ask
from llmops.core.tasks import ask_for_mail, send_password_reset
from llmops.core.visitors import address_of


@open_page
@never_cache
@require_http_methods(["GET", "POST"])
def password_forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link. Whether there is such an account shows neither in the answer nor in the time that it takes:
    a worker is asked in any case, and finds out."""
    form = ForgottenPasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        email = form.cleaned_data["email"]
        if reset_ask(email=email, address=address_of(request), mail=_ask_worker):
            return _forgotten(request, {"asked_for": email, "most": MOST_OF_ACCOUNT})
        form.add_error(None, "No mail can be sent just now. Please try again in a few minutes.")
    return _forgotten(request, {"form": form}, status=422 if form.errors else 200)


@open_page
@never_cache
@require_http_methods(["GET", "POST"])
def password_reset(request: HttpRequest, token: str) -> HttpResponse:
    """Choose a new password, with the link that was mailed."""
    user = user_by_reset_token(token)
    if user is None:
        return render(request, "core/password_reset.html", {"gone": True}, status=410)
    form = NewPasswordForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        try:
            reset(token, password=form.cleaned_data["password"])
        except ResetLinkVoid:
            return render(request, "core/password_reset.html", {"gone": True}, status=410)
        messages.success(request, "Your password is changed. Sign in with it.")
        return redirect("login")
    context = {"form": form, "person": user}
    return render(request, "core/password_reset.html", context, status=422 if form.errors else 200)


def _ask_worker(user_id: int) -> bool:
    return ask_for_mail(send_password_reset, user_id=user_id)


def _forgotten(request: HttpRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    context |= {"mail_is_sent": settings.MAIL_IS_SENT, "minutes": settings.PASSWORD_RESET_TIMEOUT // 60}
    return render(request, "core/password_forgotten.html", context, status=status)
