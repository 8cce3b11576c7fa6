"""Two versions of a prompt beside each other: what changed, in words."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from llmops.core.access import Action, ProjectRequest, project_page
from prompts_app.diffing.messages import Change, MessageChange, message_changes
from prompts_app.diffing.words import Piece, folded, word_pieces
from prompts_app.models import PromptVersion
from prompts_app.selectors import prompt_by_name, prompt_version, prompt_versions
from prompts_app.views.numbers import version_number

ROLE_WORDS = {"system": "Instructions", "user": "Person", "assistant": "Model"}
_CHANGE_WORDS = {
    Change.CHANGED: ("rewritten", "unsure", "pencil"),
    Change.ADDED: ("added", "better", "plus"),
    Change.REMOVED: ("taken out", "worse", "x"),
    Change.MOVED: ("moved", "neutral", "selector"),
}
MOST_VERSIONS_OFFERED = 200


class MessageShown(NamedTuple):
    """A message with what became of it; `word` is empty for one that stayed."""

    role: str
    word: str
    tone: str
    icon: str
    pieces: list[Piece]


class SettingChange(NamedTuple):
    """A setting that is another one now."""

    label: str
    was: str
    now: str


@project_page(Action.VIEW)
@require_safe
def prompt_compare(request: ProjectRequest, name: str) -> HttpResponse:
    """`?from=` and `?to=` are versions; without them, the newest and the one before it."""
    prompt = prompt_by_name(request.project, name=name)
    numbers = list(prompt_versions(prompt).values_list("number", flat=True)[:MOST_VERSIONS_OFFERED])
    after = _version(request, "to", numbers[0])
    before = _version(request, "from", max(after - 1, 1))
    old, new = prompt_version(prompt, number=before), prompt_version(prompt, number=after)
    changes = message_changes(_messages(old), _messages(new))
    settings = setting_changes(old, new)
    schema = _schema_pieces(old, new)
    context = {
        "nav": "prompts",
        "prompt": prompt,
        "old": old,
        "new": new,
        "numbers": sorted({*numbers, before, after}, reverse=True),
        "messages_shown": [_shown(change) for change in changes],
        "settings_changed": settings,
        "schema_pieces": schema,
        "sentence": _sentence(changes, settings, has_schema_change=bool(schema)),
        "earlier": before - 1 if after == before + 1 and before > 1 else None,
        "later": after + 1 if after == before + 1 and after < numbers[0] else None,
        "may_edit": request.actor.may(Action.EDIT_PROMPT),
    }
    return render(request, "prompts_app/prompt_compare.html", context)


def setting_changes(before: PromptVersion, after: PromptVersion) -> list[SettingChange]:
    """Which model answers, and how, where that differs."""
    old, new = _settings(before), _settings(after)
    return [
        SettingChange(label, old.get(label, "not set"), new.get(label, "not set"))
        for label in dict.fromkeys([*old, *new])
        if old.get(label) != new.get(label)
    ]


def _settings(version: PromptVersion) -> dict[str, str]:
    named: dict[str, Any] = {
        "Connection": version.connection.name if version.connection else None,
        "Model": version.model or None,
        "Freedom (temperature)": version.temperature,
        "Longest answer, in tokens": version.max_tokens,
        **version.model_options,
    }
    return {label: str(value) for label, value in named.items() if value is not None}


def _schema_pieces(before: PromptVersion, after: PromptVersion) -> list[Piece]:
    """How the answer's format changed; empty when it did not."""
    texts = [
        "" if version.output_schema is None else json.dumps(version.output_schema, indent=2, ensure_ascii=False)
        for version in (before, after)
    ]
    return folded(word_pieces(*texts)) if texts[0] != texts[1] else []


def _messages(version: PromptVersion) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in version.messages]


def _shown(change: MessageChange) -> MessageShown:
    word, tone, icon = _CHANGE_WORDS.get(change.change, ("", "", ""))
    return MessageShown(ROLE_WORDS.get(change.role, change.role), word, tone, icon, change.pieces)


def _sentence(changes: list[MessageChange], settings: list[SettingChange], *, has_schema_change: bool) -> str:
    """What changed, said in one sentence."""
    parts: list[str] = []
    for kind, (word, _, _) in _CHANGE_WORDS.items():
        n = sum(change.change is kind for change in changes)
        if n:
            parts.append(f"{_amount(n)} {word}")
    if settings:
        labels = [change.label.partition(" (")[0].lower() for change in settings]
        parts.append(f"{_listed(labels)} changed")
    if has_schema_change:
        parts.append("the answer’s format changed")
    said = _listed(parts)
    return f"{said[:1].upper()}{said[1:]}." if parts else "Nothing changed: the two say the same."


def _amount(n: int) -> str:
    return "one message" if n == 1 else f"{n} messages"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _version(request: ProjectRequest, name: str, otherwise: int) -> int:
    """The version of this parameter. Raises Http404 for what is no number."""
    text = request.GET.get(name, "")
    if not text:
        return otherwise
    if number := version_number(text):
        return number
    raise Http404("A version is a number.")
