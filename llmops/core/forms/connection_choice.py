"""Choosing who answers."""

from __future__ import annotations

from typing import Any

from django import forms

from llmops.providers.base import Vendor


class ConnectionChoice(forms.ModelChoiceField):
    """The project's connections by name; the tiny model says what it is good for."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} (tiny, for trying things out)" if obj.vendor == Vendor.LOCAL else str(obj.name)
