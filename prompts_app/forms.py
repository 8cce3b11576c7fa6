"""Forms of prompts: the editor, the form for a new prompt, and the values of Try it.

The messages of a prompt are two lists of equal length, `role` and `content`, in the order of the page, so
that rows can be added, moved and taken away with and without JavaScript.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import QueryDict

from llmops.core.forms.connection_choice import ConnectionChoice
from llmops.core.forms.numbers import says
from llmops.core.models import Connection, Project
from llmops.core.selectors import connections_for_project
from llmops.providers.base import Message
from prompts_app.models import PromptVersion
from prompts_app.services import PromptProblem, VersionContent
from prompts_app.services.prompts import MOST_TOKENS

MOST_TAGS = 20


@dataclass(slots=True)
class MessageRow:
    """One message in the editor, with what is wrong with it."""

    role: str
    content: str
    problems: list[str] = field(default_factory=list)

    @property
    def message(self) -> Message:
        return Message(self.role, self.content)


class ModelFields(forms.Form):
    """Which model answers."""

    connection = ConnectionChoice(
        queryset=Connection.objects.none(),
        to_field_name="name",
        required=False,
        empty_label="No model yet",
        label="Connection",
        error_messages={"invalid_choice": "There is no such connection any more. Choose another one."},
    )
    model = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, project: Project, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.connections = list(connections_for_project(project))
        self.fields["connection"].queryset = connections_for_project(project)  # type: ignore[attr-defined]
        chosen = str(self["connection"].value() or "").casefold()
        for connection in self.connections:
            if connection.name.casefold() == chosen:
                self.fields["model"].widget.attrs["list"] = f"models-{connection.pk}"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("model") and "connection" in cleaned and cleaned["connection"] is None:
            self.add_error("connection", "Choose the connection that this model belongs to.")
        return cleaned

    @property
    def model_names(self) -> list[tuple[Connection, tuple[str, ...]]]:
        """Which models to propose for each connection; the connection's own first."""
        return [(connection, connection.proposed_models) for connection in self.connections]


class EditorForm(ModelFields):
    """A version that is being written: model, settings and note. Its messages are in `rows`."""

    temperature = forms.FloatField(
        required=False,
        min_value=0,
        max_value=2,
        label="Freedom (temperature)",
        help_text="0: nearly the same answer every time. 1: more varied. Empty: as the vendor sets it.",
        error_messages=says("The temperature is a number from 0 to 2. Leave it empty for the vendor’s own."),
        widget=forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal"}),
    )
    max_tokens = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_TOKENS,
        label="Longest answer, in tokens",
        help_text="100 tokens are about 75 English words. An answer that reaches it is cut off.",
        error_messages=says(f"A whole number from 1 to {MOST_TOKENS:,}. Leave it empty for no limit of your own."),
    )
    message = forms.CharField(
        required=False,
        max_length=300,
        label="What changed",
        widget=forms.TextInput(attrs={"placeholder": "What changed, in a few words?", "autocomplete": "off"}),
    )
    base_version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    started_from = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        project: Project,
        version: PromptVersion | None = None,
        newest_number: int = 0,
    ) -> None:
        initial = version_initial(version, newest_number) if version else {}
        super().__init__(data, project=project, initial=initial)
        self.posted = data if data is not None else QueryDict()
        self.rows = posted_rows(data) if data is not None else version_rows(version)

    def content(self, kept: PromptVersion) -> VersionContent:
        """What was typed, and the settings of `kept` that have no field here. Only after is_valid()."""
        typed = self.cleaned_data
        return VersionContent(
            messages=[row.message for row in self.rows],
            connection=typed["connection"],
            model=typed["model"],
            temperature=typed["temperature"],
            max_tokens=typed["max_tokens"],
            options=kept.model_options,
            output_schema=kept.output_schema,
        )

    @property
    def settings_used(self) -> bool:
        """Whether there is a reason to unfold the settings."""
        fields = (self["temperature"], self["max_tokens"])
        return any(field.value() not in (None, "") or field.errors for field in fields)

    def mark(self, problems: Iterable[PromptProblem]) -> None:
        """Show each problem beside the message or field it is about."""
        in_messages = False
        for problem in problems:
            name, _, position = problem.field.partition(".")
            if name == "messages" and position.isdigit():
                self.rows[int(position)].problems.append(problem.message)
                in_messages = True
            else:
                self.add_error(name if name in self.fields else None, problem.message)
        if in_messages:
            self.add_error(None, "Not saved yet: a message cannot be sent like this. See what is marked below.")


class NewPromptForm(ModelFields):
    """A new prompt: its name, and the two messages that most prompts have."""

    field_order = ("name", "system", "user", "connection", "model", "tags")
    name = forms.CharField(
        max_length=120,
        help_text="What it is for. It stands in addresses and cannot be changed later.",
        error_messages={"required": "Give it a name."},
        widget=forms.TextInput(attrs={"placeholder": "Answer to customers", "autocomplete": "off"}),
    )
    system = forms.CharField(
        required=False,
        strip=False,
        label="Instructions to the model",
        help_text="How it should behave, what it knows, what it must never do.",
        widget=forms.Textarea(attrs={"class": "is-prompt", "data-draft": "system"}),
    )
    user = forms.CharField(
        required=False,
        strip=False,
        label="What it gets each time",
        initial="{{question}}",
        help_text="Words in double braces are filled in each time, such as {{question}}.",
        widget=forms.Textarea(attrs={"class": "is-prompt is-short", "data-draft": "user"}),
    )
    tags = forms.CharField(
        required=False,
        max_length=500,
        help_text="A few words to find it by, with commas between them.",
    )

    def __init__(self, data: QueryDict | None = None, *, project: Project) -> None:
        first = next(iter(sorted(connections_for_project(project), key=_doubt)), None)
        names = first.proposed_models if first else ()
        initial = {"connection": first.name, "model": names[0] if names else ""} if first else {}
        super().__init__(data, project=project, initial=initial)

    def content(self) -> VersionContent:
        """The messages that were written, and the model. Only after is_valid()."""
        typed = self.cleaned_data
        rows = [MessageRow("system", unified(typed["system"])), MessageRow("user", unified(typed["user"]))]
        return VersionContent(
            messages=[row.message for row in rows if row.content.strip()],
            connection=typed["connection"],
            model=typed["model"],
        )

    def mark(self, problem: PromptProblem) -> None:
        """Show a problem of the services beside its field."""
        name, _, position = problem.field.partition(".")
        if name == "messages":
            written = [name for name in ("system", "user") if self.cleaned_data.get(name, "").strip()]
            name = written[int(position)] if position.isdigit() else "user"
        self.add_error(name if name in self.fields else None, problem.message)


class DuplicateForm(forms.Form):
    """What the copy of a prompt shall be called."""

    name = forms.CharField(
        max_length=120,
        label="Name of the copy",
        help_text="It stands in addresses and cannot be changed later.",
        error_messages={"required": "Give it a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )


def tags_of(text: str) -> list[str]:
    """The tags in a comma list, each once, at most 20 of at most 60 characters."""
    words = (" ".join(word.split())[:60] for word in text.split(","))
    return list(dict.fromkeys(word for word in words if word))[:MOST_TAGS]


def _doubt(connection: Connection) -> int:
    """0 for a connection that answered its last test, more for others."""
    return 2 if connection.test_problem else int(connection.tested_at is None)


def version_initial(version: PromptVersion, newest_number: int) -> dict[str, Any]:
    """The editor's fields for a version that is opened while `newest_number` is the newest."""
    connection = version.connection
    return {
        "connection": connection.name if connection and connection.archived_at is None else "",
        "model": version.model,
        "temperature": version.temperature,
        "max_tokens": version.max_tokens,
        "base_version": newest_number,
        "started_from": version.number,
    }


def version_rows(version: PromptVersion | None) -> list[MessageRow]:
    """A version's messages as rows of the editor."""
    return [MessageRow(part["role"], part["content"]) for part in version.messages] if version else []


def posted_rows(data: QueryDict) -> list[MessageRow]:
    """The messages of a posted editor."""
    pairs = zip(data.getlist("role"), data.getlist("content"), strict=False)
    return [MessageRow(role, unified(content)) for role, content in pairs]


def posted_values(data: QueryDict) -> dict[str, str]:
    """What was typed for the variables in Try it."""
    pairs = zip(data.getlist("variable"), data.getlist("value"), strict=False)
    return {name: unified(value) for name, value in pairs}


def changed_rows(rows: Sequence[MessageRow], *, do: str) -> list[MessageRow]:
    """The rows after a button was pressed: `add`, `remove-<n>`, `up-<n>` or `down-<n>`, n from 0."""
    verb, _, position = do.partition("-")
    changed = list(rows)
    if verb == "add":
        return [*changed, MessageRow(next_role(rows), "")]
    at = int(position) if position.isdigit() else -1
    if not 0 <= at < len(changed):
        return changed
    if verb == "remove":
        del changed[at]
        return changed
    to = at - 1 if verb == "up" else at + 1
    if verb in ("up", "down") and 0 <= to < len(changed):
        changed[at], changed[to] = changed[to], changed[at]
    return changed


def next_role(rows: Sequence[MessageRow]) -> str:
    """Whose turn it is after these messages."""
    return "assistant" if rows and rows[-1].role == "user" else "user"


def unified(text: str) -> str:
    """Line ends as one character: browsers send two."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
