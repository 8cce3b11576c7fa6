"""What changed in a case, field by field and word by word, cut to what a page can show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from prompts_app.diffing.words import Piece, folded, word_pieces

SHOWN_CHARS = 600
CONTEXT_CHARS = 200
MOST_COMPARED_CHARS = 3_000
NOT_GIVEN, EMPTY = "not given", "empty"


class Content(Protocol):
    """What a case says: a stored version, or a row of a file."""

    @property
    def inputs(self) -> Mapping[str, str]: ...
    @property
    def expected(self) -> str | None: ...
    @property
    def reference(self) -> str | None: ...
    @property
    def previous(self) -> str | None: ...
    @property
    def feedback(self) -> str | None: ...
    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def group(self) -> str | None: ...
    @property
    def metadata(self) -> Mapping[str, Any] | None: ...


class FieldText(NamedTuple):
    """One field with its text, cut; `note` says what is not seen in it."""

    name: str
    text: str
    note: str = ""


class FieldChange(NamedTuple):
    """One field that differs: its pieces, and a word for a side that has no text to show."""

    name: str
    pieces: list[Piece]
    note: str = ""


def case_fields(content: Content, columns: Sequence[str]) -> dict[str, str | None]:
    """The fields of a case by the names that people know, in their order; None is one that was not given."""
    names = [name for name in columns if name in content.inputs]
    names += [name for name in content.inputs if name not in columns]
    fields: dict[str, str | None] = {name: content.inputs[name] for name in names}
    answers: dict[str, str | None] = {
        "Expected answer": content.expected,
        "Reference text": content.reference,
        "Previous answer": content.previous,
        "Feedback": content.feedback,
        "Tags": ", ".join(content.tags) or None,
        "Belongs together with": content.group or None,
        "Other facts": _facts(content.metadata),
    }
    for name, text in answers.items():
        fields[name if name not in fields else f"{name} (of the case)"] = text
    return fields


def field_texts(content: Content, columns: Sequence[str]) -> list[FieldText]:
    """The fields of a case that were given, each as far as a page shows it."""
    return [_shown(name, text) for name, text in case_fields(content, columns).items() if text is not None]


def field_changes(before: Content, after: Content, columns: Sequence[str]) -> list[FieldChange]:
    """The fields that differ, in the order of the case."""
    ours, theirs = case_fields(before, columns), case_fields(after, columns)
    names = list(dict.fromkeys([*(name for name in columns if name in ours or name in theirs), *theirs, *ours]))
    return [_change(name, ours.get(name), theirs.get(name)) for name in names if ours.get(name) != theirs.get(name)]


def _facts(metadata: Mapping[str, Any] | None) -> str | None:
    """Facts as lines of name and value."""
    if not metadata:
        return None
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in metadata.items()
    )


def _shown(name: str, text: str) -> FieldText:
    if not text.strip():
        return FieldText(name, "", EMPTY if not text else "only spaces or line breaks")
    if len(text) <= SHOWN_CHARS + CONTEXT_CHARS:
        return FieldText(name, text)
    return FieldText(name, f"{text[:SHOWN_CHARS]}…", f"{len(text):,} characters in all")


def _change(name: str, before: str | None, after: str | None) -> FieldChange:
    was, now = _word(before), _word(after)
    note = f"was {was}" if was else ""
    if now:
        note = f"{note}, is {now} now" if note else f"is {now} now"
    ours, theirs, note = _near_the_change(before or "", after or "", note)
    return FieldChange(name, folded(word_pieces(ours, theirs)), note)


def _word(text: str | None) -> str:
    return NOT_GIVEN if text is None else EMPTY if not text else ""


def _near_the_change(before: str, after: str, note: str) -> tuple[str, str, str]:
    """Very long texts from a little before to a little after what differs."""
    longest = max(len(before), len(after))
    if longest <= MOST_COMPARED_CHARS:
        return before, after, note
    start = max(_first_difference(before, after) - CONTEXT_CHARS, 0)
    mark = "… " if start else ""
    ours, theirs = (mark + text[start : start + MOST_COMPARED_CHARS] for text in (before, after))
    there = f"the change begins at character {start + CONTEXT_CHARS:,} of {longest:,}" if start else ""
    there = there or f"the first {MOST_COMPARED_CHARS:,} of {longest:,} characters"
    return ours, theirs, f"{note}; {there}" if note else there


def _first_difference(before: str, after: str) -> int:
    pairs = enumerate(zip(before, after, strict=False))
    return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(before), len(after)))
