"""Cases that differ, as pages show them: in the history of a dataset and before an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from evals_app.choices import CaseChange
from evals_app.diffing import Content, FieldChange, FieldText, field_changes, field_texts
from evals_app.selectors.cases import case_title
from evals_app.selectors.changes import ChangeCounts
from llmops.core.views.addresses import query_of

KIND_WORDS = {CaseChange.ADDED: "Added", CaseChange.CHANGED: "Changed", CaseChange.REMOVED: "Taken out"}


@dataclass(slots=True)
class ShownChange:
    """One case that differs: what changed in it, or what it says. `place` is where it is in a file."""

    kind: CaseChange
    word: str
    title: str
    key: str
    changes: list[FieldChange] = field(default_factory=list)
    texts: list[FieldText] = field(default_factory=list)
    url: str = ""
    place: str = ""
    moved: bool = False


def shown_change(
    kind: CaseChange, before: Content | None, after: Content | None, *, columns: list[str], key: str
) -> ShownChange:
    """A case with its word diff, or, when it is on one side only, with its texts."""
    content = after if after is not None else before
    if content is None:
        return ShownChange(kind, KIND_WORDS[kind], "", key)
    title = case_title(content.inputs, columns, key=key)
    if before is not None and after is not None:
        return ShownChange(kind, KIND_WORDS[kind], title, key, changes=field_changes(before, after, columns))
    return ShownChange(kind, KIND_WORDS[kind], title, key, texts=field_texts(content, columns))


def kind_chips(
    request: HttpRequest, counts: ChangeCounts, *, kind: str, fixed: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """All, added, changed, taken out: those that there are. The addresses keep the search and hold `fixed`."""
    numbers = {"": counts.all, "added": counts.added, "changed": counts.changed, "removed": counts.removed}
    words = {"": "All", **{str(value): word for value, word in KIND_WORDS.items()}}
    chips = [
        {"label": words[value], "url": query_of(request, "q", **fixed, kind=value), "active": value == kind, "count": n}
        for value, n in numbers.items()
        if n or value in ("", kind)
    ]
    return chips if len(chips) > 2 or kind else []
