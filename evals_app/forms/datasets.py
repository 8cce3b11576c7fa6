"""Forms of datasets and of one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion
from evals_app.services.datasets import CaseProblem
from llmops.core.naming import NAME_CHARS

FILL_BY_IMPORT = "import"
FILL_BY_TYPING = "type"
MORE_ANSWERS = ("reference", "previous", "feedback")


class DatasetForm(forms.Form):
    """Name and description. What is wrong with a name is for the service to say."""

    name = forms.CharField(max_length=NAME_CHARS, help_text="For example: Card questions.")
    description = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What is in it, and for what.",
    )


class NewDatasetForm(DatasetForm):
    """A new dataset, and how its first cases get in."""

    fill = forms.ChoiceField(
        choices=[(FILL_BY_IMPORT, "Import a spreadsheet"), (FILL_BY_TYPING, "Type or paste cases")],
        initial=FILL_BY_IMPORT,
        widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
        label="Where do the cases come from?",
    )


class LongText(forms.CharField):
    """A text that is kept as typed: outer spaces stay, line breaks are \\n as everywhere but in HTML forms."""

    def __init__(self, *, rows: int = 2, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "data-autosize": ""})
        super().__init__(strip=False, required=False, widget=widget, **kwargs)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n")


class InputText(LongText):
    """The text of a variable: it may be empty, but nobody calls it optional."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.required = True

    def validate(self, value: Any) -> None:
        """An empty text is a text; that a case says something is for the service to check."""


class CaseForm(forms.Form):
    """All fields of one case: one per variable, then the answers, then what it is found by.

    Variables come as pairs of `column_N`, their name, and `in_N`, their text, so that a change of the dataset's
    columns meanwhile mixes nothing up. `base` is the version that is edited.
    """

    expected = LongText(label="Expected answer", help_text="What a right answer says. Metrics compare with it.")
    reference = LongText(label="Reference text", help_text="What the answer may draw on, such as an article.")
    previous = LongText(label="Previous answer", help_text="An earlier answer, to see which of two is better.")
    feedback = LongText(label="Feedback", help_text="What a person said about the previous answer.")
    tags = forms.CharField(required=False, help_text="With commas between them. They filter lists and runs.")
    key = forms.CharField(
        required=False, strip=True, help_text="A number or name of your own, so that an import finds the case again."
    )
    group = forms.CharField(
        required=False,
        label="Belongs together with",
        help_text="Cases of one group, such as one conversation, count as one.",
    )
    base = forms.IntegerField(widget=forms.HiddenInput)
    use_required_attribute = False

    def __init__(self, version: CaseVersion, *, columns: list[str], data: Mapping[str, Any] | None = None) -> None:
        self.version = version
        self.columns = _posted_columns(data) if data is not None else _columns(version, columns)
        super().__init__(data, initial=_initial(version, self.columns), auto_id="case_%s")
        for at, column in enumerate(self.columns):
            self.fields[f"in_{at}"] = InputText(label=column)
        for name, field in self.fields.items():
            if isinstance(field, LongText):  # what is typed survives a reload (static/js/drafts.js)
                draft = {"data-draft": f"case-{version.case_id}-{name}", "data-draft-base": str(version.pk)}
                field.widget.attrs |= draft

    @property
    def inputs(self) -> list[tuple[forms.BoundField, str]]:
        """The fields of the variables, each with its column's name."""
        return [(self[f"in_{at}"], column) for at, column in enumerate(self.columns)]

    @property
    def more(self) -> list[forms.BoundField]:
        """Answers that few cases have."""
        return [self[name] for name in MORE_ANSWERS]

    @property
    def has_more(self) -> bool:
        """Whether one of them is filled."""
        return any(field.value() for field in self.more) or bool(self["group"].value())

    def row(self) -> CaseRow:
        """The case as it was filled in; the form must be valid. What was not touched stays as it was."""
        was = self.version
        inputs = {
            column: _kept(self.cleaned_data[f"in_{at}"], was.inputs.get(column), cleared="")
            for at, column in enumerate(self.columns)
        }
        tags = self.cleaned_data["tags"]
        return CaseRow(
            key=self.cleaned_data["key"] or None,
            inputs={column: text for column, text in inputs.items() if text is not None},
            expected=_kept(self.cleaned_data["expected"], was.expected),
            reference=_kept(self.cleaned_data["reference"], was.reference),
            previous=_kept(self.cleaned_data["previous"], was.previous),
            feedback=_kept(self.cleaned_data["feedback"], was.feedback),
            tags=was.tags if tags == _joined(was.tags) else split_tags(tags),
            group=self.cleaned_data["group"] or None,
            metadata=was.metadata,
        )

    def differences(self, theirs: CaseVersion) -> list[tuple[str, str]]:
        """Label and text of each field that somebody else left otherwise than it stands in this form."""
        other = CaseForm(theirs, columns=self.columns)
        names = [name for name in self.fields if name != "base"]
        return [
            (str(self[name].label), str(other[name].value() or ""))
            for name in names
            if _typed(other[name].value()) != _typed(self[name].value())
        ]

    def take_over(self, theirs: CaseVersion) -> None:
        """Make this an edit of somebody else's version, so that saving again replaces it."""
        self.version = theirs
        self.data = {**self.data.dict(), "base": theirs.pk}  # type: ignore[attr-defined]  # a QueryDict

    def mark(self, problems: Sequence[CaseProblem]) -> None:
        """Show each problem at its field."""
        for problem in problems:
            field = problem.field
            if field in self.columns:
                field = f"in_{self.columns.index(field)}"
            elif field == "inputs" and self.columns:
                field = "in_0"
            self.add_error(field if field in self.fields else None, problem.message)


def split_tags(text: str) -> list[str]:
    """Tags out of a text with commas (or semicolons) between them."""
    tags = (tag.strip() for tag in text.replace(";", ",").split(","))
    return list(dict.fromkeys(tag for tag in tags if tag))


def _kept(text: str, was: str | None, *, cleared: str | None = None) -> str | None:
    """A text from a form, or what it `was` when only line breaks differ.

    Empty is None when it never was given, and `cleared` when somebody emptied it.
    """
    if text == (was or "").replace("\r\n", "\n"):
        return was
    return text or cleared


def _typed(text: Any) -> str:
    """A text as a form sends it."""
    return str(text or "").replace("\r\n", "\n")


def _joined(tags: list[str]) -> str:
    return ", ".join(tags)


def _columns(version: CaseVersion, columns: list[str]) -> list[str]:
    return list(dict.fromkeys([*columns, *version.inputs]))


def _posted_columns(data: Mapping[str, Any]) -> list[str]:
    columns: list[str] = []
    while (column := data.get(f"column_{len(columns)}")) is not None:
        columns.append(str(column))
    return columns


def _initial(version: CaseVersion, columns: list[str]) -> dict[str, Any]:
    initial: dict[str, Any] = {name: getattr(version, name) for name in ("expected", *MORE_ANSWERS, "group")}
    initial |= {f"in_{at}": version.inputs.get(column, "") for at, column in enumerate(columns)}
    return initial | {"tags": _joined(version.tags), "key": version.case.key, "base": version.pk}
