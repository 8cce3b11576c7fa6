"""Your account: name, password, and where you are signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from llmops.core.access import SignedInRequest, signed_in_page
from llmops.core.forms.account import NameForm, PasswordForm
from llmops.core.selectors.accounts import sign_in_by_mark, sign_ins_of
from llmops.core.services.accounts import password_change, sign_in_end, sign_ins_end_others, user_rename


@signed_in_page
@never_cache
@require_http_methods(["GET", "POST"])
def account(request: SignedInRequest) -> HttpResponse:
    """Who you are, with forms for all that can be changed; POST takes the name."""
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": request.user.name})
    if form.is_valid():
        user_rename(request.user, name=form.cleaned_data["name"])
        messages.success(request, "Your name is saved.")
        return redirect("account")
    return _page(request, name_form=form)


@signed_in_page
@never_cache
@require_POST
def account_password(request: SignedInRequest) -> HttpResponse:
    """Change the password: every other browser is signed out, this one stays."""
    form = PasswordForm(request.POST, user=request.user, request=request)
    if form.is_valid():
        password_change(request.user, password=form.cleaned_data["password"])
        request.session.flush()
        login(request, request.user)
        messages.success(request, "Your password is changed. Everywhere else you are signed out.")
        return redirect("account")
    return _page(request, password_form=form)


@signed_in_page
@require_POST
def sign_in_remove(request: SignedInRequest, mark: str) -> HttpResponse:
    """Sign one browser out."""
    sign_in_end(sign_in_by_mark(request.user, mark=mark))
    messages.success(request, "That browser is signed out.")
    return redirect("account")


@signed_in_page
@require_POST
def sign_in_remove_others(request: SignedInRequest) -> HttpResponse:
    """Sign every browser but this one out."""
    many = sign_ins_end_others(request.user, session_key=request.session.session_key)
    messages.success(request, "One browser is signed out." if many == 1 else f"{many} browsers are signed out.")
    return redirect("account")


def _page(request: SignedInRequest, **forms: Any) -> HttpResponse:
    """The page, with the form that was filled in wrongly."""
    sign_ins = sign_ins_of(request.user, session_key=request.session.session_key)
    context: dict[str, Any] = {
        "name_form": NameForm(initial={"name": request.user.name}),
        "password_form": PasswordForm(user=request.user, request=request),
        "sign_ins": sign_ins,
        "has_others": any(not each.here for each in sign_ins),
        **forms,
    }
    status = 422 if any(form.errors for form in forms.values()) else 200
    return render(request, "core/account.html", context, status=status)
