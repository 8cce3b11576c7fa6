"""Forms about oneself: signing in, name, passwords."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest

from llmops.core.forms.names import looks_like_itself
from llmops.core.models import User
from llmops.core.services.sign_ins import TooManyTries, WrongPassword, password_check


def name_field(help_text: str) -> forms.CharField:
    """What a person is called."""
    return forms.CharField(
        label="Your name",
        max_length=120,
        help_text=help_text,
        validators=[looks_like_itself],
        error_messages={"required": "Say what you are called."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


def new_password_field(label: str) -> forms.CharField:
    """A password that is chosen; whoever holds the form judges it with validate_password()."""
    return forms.CharField(
        label=label,
        strip=False,
        help_text="At least 10 characters, and not a common one.",
        error_messages={"required": "Choose a password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class SignInForm(AuthenticationForm):
    """Who signs in; `refused` when passwords are not checked for a while."""

    refused: TooManyTries | None = None

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = "E-mail"

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data
        if "username" in typed and "password" in typed and self.request is not None:
            try:
                self.user_cache = password_check(self.request, email=typed["username"], password=typed["password"])
            except TooManyTries as refused:
                self.refused = refused
                raise forms.ValidationError(refused.message) from refused
            except WrongPassword as wrong:
                raise forms.ValidationError(
                    "E-mail or password is wrong. Check both, or choose a new password below."
                ) from wrong
        return typed


class NameForm(forms.Form):
    """What a person is called."""

    name = name_field("How others in your projects see you.")


class NewPasswordForm(forms.Form):
    """A new password for `user`."""

    password = new_password_field("New password")

    def __init__(self, data: Any = None, *, user: User) -> None:
        self.user = user
        super().__init__(data)

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password, self.user)
        return password


class PasswordForm(NewPasswordForm):
    """Another password, from somebody who knows the one of now."""

    field_order = ("current", "password")
    current = forms.CharField(
        label="Current password",
        strip=False,
        error_messages={"required": "Type the password that you have now."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, data: Any = None, *, user: User, request: HttpRequest) -> None:
        self.request = request
        super().__init__(data, user=user)

    def clean_current(self) -> str:
        current = str(self.cleaned_data["current"])
        try:
            password_check(self.request, email=self.user.email, password=current)
        except TooManyTries as refused:
            raise forms.ValidationError(refused.message) from refused
        except WrongPassword as wrong:
            raise forms.ValidationError("This is not your current password.") from wrong
        return current


class ForgottenPasswordForm(forms.Form):
    """Whose password was forgotten."""

    email = forms.EmailField(
        label="Your e-mail",
        max_length=254,
        error_messages={"required": "Type the address of your account.", "invalid": "This is not an e-mail address."},
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
