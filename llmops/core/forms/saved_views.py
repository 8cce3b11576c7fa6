"""The form of a saved view."""

from __future__ import annotations

from typing import Any

from django import forms

from llmops.core.forms.names import looks_like_itself


class SavedViewForm(forms.Form):
    """What a view is called, and who sees it."""

    name = forms.CharField(
        max_length=60,
        label="Name",
        validators=[looks_like_itself],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the view a name.", "max_length": "A name has at most 60 characters."},
    )
    shared = forms.BooleanField(required=False, label="Everybody in the project sees it")

    def __init__(self, *args: Any, may_share: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_share:
            del self.fields["shared"]

    @property
    def is_shared(self) -> bool:
        return bool(self.cleaned_data.get("shared"))
