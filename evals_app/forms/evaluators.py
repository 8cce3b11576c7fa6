"""Forms of metrics: one made for each kind, and the example that it is tried on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from evals_app.engine import KINDS, Kind, Sample
from evals_app.forms.datasets import InputText, LongText
from evals_app.forms.schema_table import NotASchema, SchemaTable
from evals_app.forms.settings_fields import settings_config, settings_fields, settings_initial
from evals_app.models import EvaluatorVersion
from evals_app.services.evaluators import DEFAULT_MARGIN, EvaluatorProblem
from llmops.core.forms.connection_choice import ConnectionChoice
from llmops.core.forms.numbers import says
from llmops.core.models import Connection, Project
from llmops.core.naming import NAME_CHARS
from llmops.core.selectors import connections_for_project


@dataclass(frozen=True, slots=True)
class KindGroup:
    """Kinds of metrics that suit what a person has."""

    question: str
    text: str
    kinds: tuple[Kind, ...]


MAIN_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "exact": ("answers",),
    "contains": ("texts", "mode"),
    "regex": ("pattern", "whole_answer"),
    "numeric": ("tolerance", "tolerance_percent", "which"),
    "rubric": ("question", "scale", "categories", "good_categories"),
}
"""What most people fill in; the other settings are folded away."""

FIRST_NAMES: Mapping[str, str] = {
    "exact": "Correct",
    "contains": "Correct",
    "numeric": "Right number",
    "regex": "Right form",
    "json_schema": "Right form",
}


def kind_groups() -> list[KindGroup]:
    """All kinds, by what a person has to compare an answer with."""
    kinds = list(KINDS.values())
    expected = tuple(kind for kind in kinds if "expected" in kind.needs)
    judged = tuple(kind for kind in kinds if kind.uses_model)
    form = tuple(kind for kind in kinds if kind not in expected and kind not in judged)
    return [
        KindGroup(
            "I know the correct answer", "Each case says what a right answer is; a fixed rule compares.", expected
        ),
        KindGroup(
            "I know what it must look like", "A pattern or a form, the same for every case; a fixed rule checks.", form
        ),
        KindGroup("Neither: a model shall judge", "You ask a question about each answer, a model replies.", judged),
    ]


class EvaluatorForm(forms.Form):
    """Name (of a new one) and settings of a metric of one kind. What may be is for the service to say."""

    use_required_attribute = False  # a field that is needed may be one that is not shown

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        kind: Kind,
        project: Project,
        version: EvaluatorVersion | None = None,
    ) -> None:
        self.kind = kind
        self.version = version
        self.settings = settings_fields(kind)
        super().__init__(data, initial=_initial(kind, version))
        if version is None:
            self.fields["name"] = forms.CharField(
                max_length=NAME_CHARS, help_text="How runs and comparisons speak of it, such as Correct or Polite."
            )
        self.fields |= self.settings
        self.fields["margin"] = forms.FloatField(
            label="Smallest difference that matters, in points",
            min_value=0,
            max_value=100,
            help_text="Two versions that differ by less count as equally good.",
            error_messages=says("A number of points from 0 to 100."),
            widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        )
        self.connections: list[Connection] = []
        if kind.uses_model:
            self._add_judge(project)
        self.schema_problem = ""
        self.schema = self._schema_table() if "schema" in kind.config_schema.get("properties", {}) else None

    def _add_judge(self, project: Project) -> None:
        found = connections_for_project(project)
        self.connections = list(found)
        self.fields["connection"] = ConnectionChoice(
            queryset=found,
            to_field_name="name",
            required=False,
            empty_label="No model yet",
            label="Connection of the judge",
        )
        self.fields["model"] = forms.CharField(
            required=False,
            max_length=200,
            label="Model of the judge",
            help_text="A capable one, better not the one that is judged. Empty: the connection’s model to begin with.",
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "judge-models"}),
        )

    def _schema_table(self) -> SchemaTable:
        if self.is_bound:
            return SchemaTable.of_post(self.data)
        return SchemaTable.of_schema(self.version.config.get("schema", {}) if self.version else {})

    @property
    def main(self) -> list[forms.BoundField]:
        """What most people fill in."""
        return [self[name] for name in MAIN_SETTINGS.get(self.kind.name, ()) if name in self.fields]

    @property
    def judge(self) -> list[forms.BoundField]:
        """Who judges; empty for kinds that code computes."""
        return [self[name] for name in ("connection", "model") if name in self.fields]

    @property
    def further(self) -> list[forms.BoundField]:
        """What few people need."""
        main = MAIN_SETTINGS.get(self.kind.name, ())
        return [self[name] for name in (*self.settings, "margin") if name not in main]

    @property
    def further_wrong(self) -> bool:
        return any(field.errors for field in self.further)

    @property
    def judge_models(self) -> list[str]:
        """Models to propose while a person types."""
        names = [connection.default_model for connection in self.connections if connection.default_model]
        for connection in self.connections:
            names += connection.proposed_models
        return list(dict.fromkeys(names))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("model") and cleaned.get("connection", True) is None:
            self.add_error("connection", "Choose the connection that this model belongs to.")
        if self.schema is not None:
            try:
                self.schema.schema()
            except NotASchema as wrong:
                self.mark(EvaluatorProblem("config.schema", str(wrong)))
        return cleaned

    def wanted(self) -> dict[str, Any]:
        """What the services take: config, connection, model, margin. The form must be valid."""
        config = settings_config(self.kind, self.cleaned_data)
        if self.schema is not None and (schema := self.schema.schema()):
            config["schema"] = schema
        return {
            "config": config,
            "connection": self.cleaned_data.get("connection"),
            "model": self.cleaned_data.get("model", ""),
            "margin": self.cleaned_data["margin"],
        }

    def mark(self, problem: EvaluatorProblem) -> None:
        """Show a problem at its field."""
        field = problem.field.removeprefix("config.").partition(".")[0]
        if field == "schema":
            self.schema_problem = problem.message
            self.add_error(None, problem.message)
        else:
            self.add_error(field if field in self.fields else None, problem.message)


class TryForm(forms.Form):
    """An answer to try a metric on, with what it is compared with."""

    asked = LongText(label="What was asked")
    answer = InputText(label="An answer", rows=3)
    expected = LongText(label="The expected answer")
    use_required_attribute = False

    def __init__(self, data: Mapping[str, Any] | None = None, *, kind: Kind) -> None:
        super().__init__(data, prefix="try")
        if not kind.uses_model:
            del self.fields["asked"]
            if "expected" not in kind.needs:
                del self.fields["expected"]

    def sample(self) -> Sample:
        """What is to be marked; the form must be valid."""
        typed = self.cleaned_data
        asked = typed.get("asked", "")
        return Sample(
            inputs={"question": asked} if asked else {},
            output=typed["answer"],
            expected=typed.get("expected") or None,
        )


def _initial(kind: Kind, version: EvaluatorVersion | None) -> dict[str, Any]:
    initial = settings_initial(kind, version.config if version else {})
    if version is None:
        return initial | {"name": FIRST_NAMES.get(kind.name, ""), "margin": DEFAULT_MARGIN}
    judge = version.connection
    return initial | {
        "margin": version.margin,
        "connection": judge.name if judge else None,
        "model": version.model,
    }
