"""Form fields made from the JSON Schema of a metric's settings, and the same settings in words.

Nobody types JSON: a list is lines of a text area, a choice is a menu with words, a schema is a table of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from evals_app.engine import Kind

Property = Mapping[str, Any]
LONG_TEXT_CHARS = 1_000

WORDS: Mapping[str, Mapping[str, str]] = {
    "mode": {"all": "All of them", "any": "One is enough"},
    "expected_holds": {
        "one": "One answer",
        "lines": "Several answers, one per line",
        "semicolons": "Several answers with ; between them",
        "bars": "Several answers with | between them",
    },
    "which": {"last": "The last one", "first": "The first one"},
    "decimal_sign": {"auto": "Found out by itself", "point": "A point: 1,234.5", "comma": "A comma: 1.234,5"},
    "percent": {"same": "20", "fraction": "0.2"},
    "scale": {"yes_no": "Yes or no", "one_to_five": "1 to 5", "categories": "One of my categories"},
}
HELP: Mapping[str, str] = {
    "answers": "One per line. Leave it empty to compare with the expected answer of each case.",
    "texts": "One word or phrase per line. Leave it empty to look for the expected answer of each case.",
    "mode": "",
    "expected_holds": "",
    "which": "Answers that reason first end with the result.",
    "decimal_sign": "Settles what 1,234 means.",
    "percent": "",
    "scale": "",
    "categories": "One per line, at least two.",
    "good_categories": "One per line. Then the share of good answers is shown, not only each category.",
}
NEEDED_WHEN_SHOWN = ("categories",)
HIDDEN = ("connection", "model", "schema")
"""Settings that have fields of their own making."""


class LinesField(forms.CharField):
    """A list of texts, one per line; empty lines do not count. How many there must be is for the kind to say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 2, "data-autosize": ""}), **kwargs)

    def validate(self, value: Any) -> None:
        """Nothing is wrong with a list as such."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, (list, tuple)) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


def settings_fields(kind: Kind) -> dict[str, forms.Field]:
    """A field for each setting of a kind, by its name, but for those in HIDDEN."""
    properties: Mapping[str, Property] = kind.config_schema.get("properties", {})
    required = kind.config_schema.get("required", ())
    return {
        name: _field(name, about, required=name in required) for name, about in properties.items() if name not in HIDDEN
    }


def settings_initial(kind: Kind, config: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show for a config: its values over the defaults."""
    return {name: value for name, value in kind.settings(config).items() if name not in HIDDEN}


def settings_config(kind: Kind, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The config that cleaned fields stand for; what is at its default is left out."""
    properties: Mapping[str, Property] = kind.config_schema.get("properties", {})
    config = {}
    for name, about in properties.items():
        value = cleaned.get(name)
        if name not in HIDDEN and value is not None and value != about.get("default") and value != "":
            config[name] = value
    return config


def settings_in_words(kind: Kind, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each setting that is not at its default, as people say it."""
    properties: Mapping[str, Property] = kind.config_schema.get("properties", {})
    return [
        (str(properties[name].get("title", name)), _in_words(name, value))
        for name, value in config.items()
        if name in properties and value != properties[name].get("default")
    ]


def _field(name: str, about: Property, *, required: bool) -> forms.Field:
    words = {"label": about.get("title", name), "help_text": HELP.get(name, about.get("description", ""))}
    if "enum" in about:
        choices = [(value, WORDS.get(name, {}).get(value, value)) for value in about["enum"]]
        return forms.ChoiceField(choices=choices, **words)
    match about.get("type"):
        case "boolean":
            return forms.BooleanField(required=False, **words)
        case "integer":
            return forms.IntegerField(required=required, widget=_number_input(about), **words)
        case "number":
            return forms.FloatField(required=required, widget=_number_input(about), **words)
        case "array":
            return LinesField(required=name in NEEDED_WHEN_SHOWN, **words)
        case _:
            return forms.CharField(required=required, strip=False, widget=_text_input(about), **words)


def _number_input(about: Property) -> forms.NumberInput:
    attrs = {"step": "any", "inputmode": "decimal"} | {
        html: about[name] for name, html in (("minimum", "min"), ("maximum", "max")) if name in about
    }
    return forms.NumberInput(attrs=attrs)


def _text_input(about: Property) -> forms.Widget:
    if about.get("maxLength", 0) > LONG_TEXT_CHARS:
        return forms.Textarea(attrs={"rows": 3, "data-autosize": ""})
    return forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(f"“{item}”" for item in value)
    if isinstance(value, Mapping):
        fields = value.get("properties")
        return ", ".join(fields) if fields else "given as JSON Schema"
    return WORDS.get(name, {}).get(str(value), str(value))
