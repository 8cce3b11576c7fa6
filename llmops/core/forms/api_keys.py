"""The form of an API key."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

from llmops.core.choices import Scope
from llmops.core.forms.names import looks_like_itself

SCOPE_WORDS = {
    Scope.READ: ("Read", "Fetch prompts, cases and results."),
    Scope.WRITE: ("Read and write", "Also change prompts and cases, and start runs."),
    Scope.ALL: ("Everything", "Also connect models, as an administrator may."),
}

LASTS = {"0": "Until you revoke it", "30": "30 days", "90": "90 days", "365": "A year"}


class ApiKeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        max_length=120,
        validators=[looks_like_itself],
        help_text="Who or what will use it, so that you know later which one to revoke.",
        error_messages={"required": "Say who or what will use it."},
        widget=forms.TextInput(attrs={"placeholder": "Build server"}),
    )
    scope = forms.ChoiceField(
        label="What it may do",
        choices=[(scope.value, title) for scope, (title, _) in SCOPE_WORDS.items()],
        initial=Scope.WRITE.value,
        widget=forms.RadioSelect,
    )
    lasts = forms.ChoiceField(
        label="How long it works",
        choices=list(LASTS.items()),
        help_text="A key that ends by itself does no harm when it is forgotten somewhere.",
    )

    def expires_at(self) -> datetime | None:
        days = int(self.cleaned_data["lasts"])
        return timezone.now() + timedelta(days=days) if days else None

    @property
    def scope_cards(self) -> list[tuple[str, str, str, bool]]:
        """Value, title, explanation, and whether it is chosen."""
        chosen = self["scope"].value()
        return [(scope.value, *words, scope.value == chosen) for scope, words in SCOPE_WORDS.items()]
