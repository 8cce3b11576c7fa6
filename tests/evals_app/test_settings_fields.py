"""The words that the form of a metric has for its settings."""

from __future__ import annotations

from evals_app.engine import KINDS
from evals_app.forms.settings_fields import HELP, WORDS

SETTINGS = [
    (kind.name, name, about) for kind in KINDS.values() for name, about in kind.config_schema["properties"].items()
]


def test_every_choice_is_shown_in_words() -> None:
    bare = {
        f"{kind}: {name} {value!r}"
        for kind, name, about in SETTINGS
        for value in about.get("enum", ())
        if not WORDS.get(name, {}).get(value)
    }
    assert not bare, "say in WORDS of evals_app/forms/settings_fields.py what people read for these choices"


def test_words_belong_to_settings_that_there_are() -> None:
    known = {name for _, name, _ in SETTINGS}
    chosen = {(name, value) for _, name, about in SETTINGS for value in about.get("enum", ())}
    assert set(HELP) <= known
    assert {(name, value) for name, words in WORDS.items() for value in words} <= chosen
