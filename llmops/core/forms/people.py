"""Forms about people: roles, invitations, joining."""

from __future__ import annotations

from typing import Any, NamedTuple

from django import forms
from django.contrib.auth.password_validation import validate_password

from llmops.core.choices import Role
from llmops.core.forms.account import name_field, new_password_field
from llmops.core.models import User

ROLE_WORDS = {
    Role.VIEWER: "Reads everything: prompts, datasets, runs.",
    Role.REVIEWER: "Reads everything and judges answers.",
    Role.EDITOR: "Reads everything, judges answers, edits prompts, datasets and metrics, and starts runs.",
    Role.RELEASER: "Does all that an editor does, and decides which version users get.",
    Role.ADMIN: "Does all that the others do, connects models, and looks after members, keys and settings.",
}


class Card(NamedTuple):
    """One of several choices, with what it means."""

    value: str
    title: str
    text: str
    chosen: bool


class RoleForm(forms.Form):
    """Which role a person has."""

    role = forms.ChoiceField(
        label="Role",
        choices=[(role.value, role.value.capitalize()) for role in Role],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a role."},
    )

    @property
    def role_cards(self) -> list[Card]:
        chosen = self["role"].value()
        return [Card(role.value, role.value.capitalize(), ROLE_WORDS[role], role.value == chosen) for role in Role]


class InvitationForm(RoleForm):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="The invitation works for this address only.",
        error_messages={"required": "Type the address of the person.", "invalid": "This is not an e-mail address."},
        widget=forms.EmailInput(attrs={"autocomplete": "off", "placeholder": "name@example.com"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"role": Role.EDITOR.value})


class JoinForm(forms.Form):
    """What a person without an account says to join: their name and a password."""

    name = name_field("How others in the project see you.")
    password = new_password_field("A password")

    def __init__(self, data: Any = None, *, email: str) -> None:
        self.email = email
        super().__init__(data)

    def clean(self) -> dict[str, Any]:
        """Judges the password together with the name and the address, which it may not resemble."""
        typed = self.cleaned_data
        if "password" in typed:
            try:
                validate_password(typed["password"], User(email=self.email, name=typed.get("name", "")))
            except forms.ValidationError as weak:
                self.add_error("password", weak)
        return typed
