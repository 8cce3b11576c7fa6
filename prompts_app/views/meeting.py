"""Two people edited one prompt at once: their changes side by side, and put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from llmops.core.access import ProjectRequest
from prompts_app.diffing.merging import By, Choice, Part, merge, merged, messages_text, shown, text_messages
from prompts_app.diffing.words import EQUAL, FOLD, Piece, size_words, word_pieces
from prompts_app.forms import posted_rows, version_initial, version_rows
from prompts_app.models import Prompt, PromptVersion
from prompts_app.selectors import prompt_version
from prompts_app.views.comparing import ROLE_WORDS

_SETTINGS = {
    "connection": "Connection",
    "model": "Model",
    "temperature": "Freedom (temperature)",
    "max_tokens": "Longest answer, in tokens",
}
_LONG = 400


class PartShown(NamedTuple):
    """A part of the text: what each of the two made of it. `chosen` is what becomes of a conflict."""

    at: int
    by: str
    mine: list[Piece]
    theirs: list[Piece]
    chosen: str


class SettingShown(NamedTuple):
    """A setting that one or both changed."""

    name: str
    label: str
    by: str
    base: str
    mine: str
    theirs: str
    chosen: str


@dataclass(slots=True)
class Meeting:
    """What was posted, the version that it is an edit of, and the one that was saved meanwhile."""

    posted: QueryDict
    base: PromptVersion
    theirs: PromptVersion
    parts: list[Part] = field(init=False)

    def __post_init__(self) -> None:
        mine = [(row.role, row.content) for row in posted_rows(self.posted)]
        texts = [[(row.role, row.content) for row in version_rows(version)] for version in (self.base, self.theirs)]
        self.parts = merge(messages_text(texts[0]), messages_text(mine), messages_text(texts[1]))

    def choice(self, name: str) -> Choice | None:
        """What was chosen for a conflict, if anything was."""
        value = self.posted.get(f"choice-{name}", "")
        return Choice(value) if value in set(Choice) else None

    def open_conflicts(self) -> int:
        """How many conflicts nobody decided yet."""
        names = [str(at) for at, part in enumerate(self.parts) if part.by is By.CONFLICT]
        names += [setting.name for setting in self.settings() if setting.by == By.CONFLICT]
        return sum(self.choice(name) is None for name in names)

    def parts_shown(self) -> list[PartShown]:
        return [
            PartShown(
                at,
                part.by,
                _pieces(part.base, part.mine),
                _pieces(part.base, part.theirs),
                self.choice(str(at)) or "",
            )
            for at, part in enumerate(self.parts)
        ]

    def settings(self) -> list[SettingShown]:
        base, theirs = (version_initial(version, version.number) for version in (self.base, self.theirs))
        found = []
        for name, label in _SETTINGS.items():
            was, now = _typed(base[name]), _typed(theirs[name])
            mine = _typed(self.posted.get(name))
            if mine == was == now:
                continue
            by = By.BOTH if mine == now else By.THEIRS if mine == was else By.MINE if now == was else By.CONFLICT
            found.append(SettingShown(name, label, by, was, mine, now, self.choice(name) or ""))
        return found

    def together(self) -> QueryDict:
        """The editor's fields with both changes, on top of their version; undecided conflicts keep what is mine."""
        choices = {at: self.choice(str(at)) or Choice.MINE for at in range(len(self.parts))}
        messages = text_messages(merged(self.parts, choices))
        data = self.posted.copy()
        data.setlist("role", [role for role, _ in messages])
        data.setlist("content", [content for _, content in messages])
        for setting in self.settings():
            if setting.by == By.THEIRS or (setting.by == By.CONFLICT and setting.chosen == Choice.THEIRS):
                data[setting.name] = setting.theirs
        data["base_version"] = data["started_from"] = str(self.theirs.number)
        return data


def meeting_of(prompt: Prompt, posted: QueryDict, *, base: int, theirs: int) -> Meeting:
    """The meeting of what was posted with version `theirs`; both began with version `base`. Raises Http404."""
    return Meeting(posted, prompt_version(prompt, number=base), prompt_version(prompt, number=theirs))


def meeting_page(
    request: ProjectRequest, prompt: Prompt, meeting: Meeting, *, undecided: int = 0, status: int = 409
) -> HttpResponse:
    """The page where the two changes meet. Nothing is saved yet, and nothing is lost."""
    parts, settings = meeting.parts_shown(), meeting.settings()
    context: dict[str, Any] = {
        "nav": "prompts",
        "prompt": prompt,
        "base": meeting.base,
        "theirs": meeting.theirs,
        "parts": parts,
        "settings": settings,
        "n_conflicts": [*(part.by for part in parts), *(setting.by for setting in settings)].count(By.CONFLICT),
        "undecided": undecided,
        "rows": posted_rows(meeting.posted),
        "kept": [(name, meeting.posted.get(name, "")) for name in (*_SETTINGS, "message", "base_version")],
        "next_number": meeting.theirs.number + 1,
    }
    return render(request, "prompts_app/prompt_meeting.html", context, status=status)


def _pieces(before: str, after: str) -> list[Piece]:
    pieces = [piece._replace(text=shown(piece.text, ROLE_WORDS)) for piece in word_pieces(before, after)]
    if len(pieces) == 1 and pieces[0].op == EQUAL and len(pieces[0].text) > _LONG:
        return [Piece(FOLD, pieces[0].text, size_words(pieces[0].text))]
    # The part's own line end would be shown as an empty line.
    return [*pieces[:-1], pieces[-1]._replace(text=pieces[-1].text.removesuffix("\n"))] if pieces else []


def _typed(value: object) -> str:
    """A setting as it stands in its field; a number the same however it is written."""
    text = "" if value is None else str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else str(number)
