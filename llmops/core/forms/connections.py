"""The form of a connection."""

from __future__ import annotations

from typing import Any

from django import forms

from llmops.core.forms.numbers import says
from llmops.core.models import Connection
from llmops.core.services import ConnectionSettings
from llmops.core.services.connections import KEY_OPTIONAL_VENDORS, KEYLESS_VENDORS, MOST_A_MINUTE
from llmops.core.vendors import VENDORS
from llmops.outbound import without_userinfo
from llmops.providers.base import CallErrorKind, Vendor

FIELD_OF_PROBLEM = {
    CallErrorKind.WRONG_KEY: "api_key",
    CallErrorKind.OVER_QUOTA: "api_key",
    CallErrorKind.NO_SUCH_MODEL: "default_model",
    CallErrorKind.UNREACHABLE: "base_url",
    CallErrorKind.PRIVATE_ADDRESS: "base_url",
}
"""Beside which field the sentence of a failed test belongs."""

WHEN_IT_IS_ASKED = (
    "New prompts start with it, and the test calls it. A run takes it where the prompt’s own is another vendor’s."
)


class AddressInput(forms.TextInput):
    """Never says back a name and a password that were typed into an address: who looks on is not who typed."""

    def format_value(self, value: Any) -> str | None:
        return super().format_value(without_userinfo(value) if value else value)


class ConnectionForm(forms.Form):
    """A connection to one vendor: only the fields that this vendor needs."""

    base_url = forms.CharField(
        label="Address",
        required=False,
        max_length=500,
        error_messages={"required": "Type the server’s address."},
        widget=AddressInput(attrs={"inputmode": "url", "placeholder": "https://models.example.com/v1"}),
    )
    api_key = forms.CharField(
        label="Key",
        required=False,
        max_length=1000,
        error_messages={"required": "Paste the key that the vendor gave you."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )
    default_model = forms.CharField(
        label="Model to begin with",
        required=False,
        max_length=200,
        error_messages={"required": "Name a model, so that there is something to call."},
        widget=forms.TextInput(attrs={"list": "vendor-models", "autocomplete": "off", "spellcheck": "false"}),
        help_text=WHEN_IT_IS_ASKED,
    )
    name = forms.CharField(
        max_length=80,
        help_text="How prompts and runs will speak of it.",
        error_messages={"required": "Give it a name."},
    )
    requests_per_minute = forms.IntegerField(
        label="Calls a minute at most",
        required=False,
        min_value=1,
        max_value=MOST_A_MINUTE,
        help_text="Shared by all runs. Leave it empty when the vendor sets no limit.",
        error_messages=says("A whole number from 1 on. Leave it empty for no limit."),
    )
    tokens_per_minute = forms.IntegerField(
        label="Tokens a minute at most",
        required=False,
        min_value=1,
        max_value=MOST_A_MINUTE,
        help_text="A token is about four letters.",
        error_messages=says("A whole number from 1 on. Leave it empty for no limit."),
    )

    def __init__(self, data: Any = None, *, vendor: Vendor, connection: Connection | None = None) -> None:
        self.vendor = vendor
        self.card = VENDORS[vendor]
        super().__init__(data, initial=_typed_before(connection) if connection else _first_guess(vendor))
        self._fit_vendor()
        self._speak_of_key(connection)

    @property
    def main_fields(self) -> list[forms.BoundField]:
        """What most people fill in."""
        return [field for field in self if field.name not in self._further()]

    @property
    def further_fields(self) -> list[forms.BoundField]:
        """What few people need; folded away."""
        return [field for field in self if field.name in self._further()]

    @property
    def further_title(self) -> str:
        return "Limits and address" if "base_url" in self._further() else "Limits"

    @property
    def further_used(self) -> bool:
        return any(field.value() or field.errors for field in self.further_fields)

    def _further(self) -> set[str]:
        limits = {"requests_per_minute", "tokens_per_minute"}
        return limits if self.vendor is Vendor.OPENAI_COMPATIBLE else limits | {"base_url"}

    def wanted(self) -> ConnectionSettings:
        """What was typed, for the services. Only after is_valid()."""
        return ConnectionSettings(vendor=self.vendor, **self.cleaned_data)

    def mark(self, field: str, message: str) -> None:
        """Show a problem beside its field, or above the form when this vendor has no such field."""
        self.add_error(field if field in self.fields else None, message)

    @classmethod
    def after_test(cls, connection: Connection, *, kind: str) -> ConnectionForm:
        """The saved connection with the sentence of its last, failed test beside the field it is about."""
        form = cls(_typed_before(connection), vendor=Vendor(connection.vendor), connection=connection)
        form.is_valid()
        form.mark(FIELD_OF_PROBLEM.get(kind, ""), connection.test_problem)  # type: ignore[call-overload]  # any text
        return form

    def _fit_vendor(self) -> None:
        if self.vendor in KEYLESS_VENDORS:
            for name in ("base_url", "api_key", "requests_per_minute", "tokens_per_minute"):
                del self.fields[name]
        elif self.vendor is Vendor.OPENAI_COMPATIBLE:
            self.fields["base_url"].required = True
            self.fields["base_url"].help_text = "As the server’s documentation says; it usually ends in /v1."
            self.fields["default_model"].required = True
            self.fields["default_model"].help_text = f"As the server calls it. {WHEN_IT_IS_ASKED}"
        else:
            self.fields["base_url"].widget.attrs["placeholder"] = "the vendor’s own"
            self.fields["base_url"].help_text = "Only when calls go through a gateway of your company."

    def _speak_of_key(self, connection: Connection | None) -> None:
        if "api_key" not in self.fields:
            return
        field = self.fields["api_key"]
        kept = bool(connection and connection.api_key_encrypted)
        field.required = self.vendor not in KEY_OPTIONAL_VENDORS and not kept
        field.widget.attrs["placeholder"] = self.card.key_example
        if kept and connection:
            ending = f" ending in {connection.api_key_hint}" if connection.api_key_hint else ""
            field.help_text = f"A key{ending} is stored. Leave this empty to keep it."
        elif self.vendor is Vendor.OPENAI_COMPATIBLE:
            field.help_text = "Leave it empty when the server asks for none. It is stored encrypted."
        else:
            field.help_text = f"{self.card.key_from} It is stored encrypted and never shown again."


def _first_guess(vendor: Vendor) -> dict[str, Any]:
    card = VENDORS[vendor]
    if vendor is Vendor.OPENAI_COMPATIBLE:
        return {"name": "Our server"}
    return {"name": card.title, "default_model": card.models[0] if vendor in KEYLESS_VENDORS else ""}


def _typed_before(connection: Connection) -> dict[str, Any]:
    return {
        "name": connection.name,
        "base_url": connection.base_url,
        "default_model": connection.default_model,
        "requests_per_minute": connection.requests_per_minute,
        "tokens_per_minute": connection.tokens_per_minute,
    }
