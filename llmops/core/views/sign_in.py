"""The page where people sign in, and signing out."""

from __future__ import annotations

import math
from typing import Any, cast

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from llmops.core.access import open_page
from llmops.core.forms.account import SignInForm
from llmops.core.services.sign_ins import sign_in as begin
from llmops.core.services.sign_ins import sign_out as end


class _SignIn(LoginView):
    """Django's page: it knows where to go on to. What is typed is checked by our form, and signing in is noted."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        begin(self.request, form.get_user())
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """422, or 429 while nothing is checked."""
        answer = self.render_to_response(self.get_context_data(form=form), status=422)
        refused = cast(SignInForm, form).refused
        if refused is not None:
            answer.status_code = 429
            answer.headers["Retry-After"] = str(math.ceil(refused.wait.total_seconds()))
        return answer


class _SignOut(LogoutView):
    """Django's, which knows where to go on to; signing out is noted."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        end(request)
        return HttpResponseRedirect(self.get_success_url())


sign_in = open_page(_SignIn.as_view())
sign_out = open_page(_SignOut.as_view())
