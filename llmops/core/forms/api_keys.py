"""The form of an API key."""

from __future__ import annotations

from django import forms

from llmops.core.choices import Scope

SCOPE_WORDS = {
    Scope.READ: ("Read", "Fetch prompts, cases and results."),
    Scope.WRITE: ("Read and write", "Also change prompts and cases, and start runs."),
    Scope.ALL: ("Everything", "Also connect models, as an administrator may."),
}


class ApiKeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        max_length=120,
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

    @property
    def scope_cards(self) -> list[tuple[str, str, str, bool]]:
        """Value, title, explanation, and whether it is chosen."""
        chosen = self["scope"].value()
        return [(scope.value, *words, scope.value == chosen) for scope, words in SCOPE_WORDS.items()]
