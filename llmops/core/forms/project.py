"""The form of a project."""

from __future__ import annotations

from django import forms

from llmops.core.forms.names import looks_like_itself


class ProjectForm(forms.Form):
    """What a project is called."""

    name = forms.CharField(
        max_length=120,
        validators=[looks_like_itself],
        help_text="Shown at the top left of every page. It can be changed later.",
        error_messages={"required": "Give the project a name."},
    )
