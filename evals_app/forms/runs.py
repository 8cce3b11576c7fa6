"""The form that starts a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import Http404

from evals_app.models import Dataset, Evaluator
from evals_app.selectors import datasets_for_project, evaluators_for_project, latest_evaluator_versions
from evals_app.services.runs import MOST_CONCURRENCY, MOST_REPEATS, RunSettings
from llmops.core.forms.connection_choice import ConnectionChoice
from llmops.core.forms.numbers import says
from llmops.core.models import Connection, Project
from llmops.core.selectors import connections_for_project
from prompts_app.models import Prompt
from prompts_app.selectors import latest_version, prompt_version, prompts_for_project


class RunForm(forms.Form):
    """What to run, on what, scored by what; the rest has sensible defaults."""

    prompt = forms.ModelChoiceField(Prompt.objects.none(), empty_label="Choose a prompt", to_field_name="name")
    version = forms.IntegerField(
        required=False,
        min_value=1,
        label="Version",
        help_text="Leave it empty for the newest.",
        error_messages=says("Versions are numbered from 1. Leave it empty for the newest."),
    )
    dataset = forms.ModelChoiceField(Dataset.objects.none(), empty_label="Choose a dataset", to_field_name="name")
    evaluators = forms.ModelMultipleChoiceField(
        Evaluator.objects.none(),
        label="Scored by",
        to_field_name="name",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The first one is the one that lists and headlines show.",
    )
    connection = ConnectionChoice(
        Connection.objects.none(),
        required=False,
        empty_label="As the prompt says",
        to_field_name="name",
        label="Answered by",
    )
    model = forms.CharField(
        required=False,
        max_length=200,
        label="Model",
        help_text="Leave it empty for the prompt’s own, or, where another vendor answers, for the connection’s "
        "model to begin with.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "run-models"}),
    )
    sample = forms.IntegerField(
        required=False,
        min_value=1,
        label="Only so many cases",
        help_text="A random sample. Empty takes all.",
        error_messages=says("A sample has at least one case. Leave it empty to take all."),
    )
    repeats = forms.IntegerField(
        min_value=1,
        max_value=MOST_REPEATS,
        initial=1,
        label="Times each case",
        help_text="Asking more than once shows how steady the answers are.",
        error_messages=says(f"Each case is asked from 1 to {MOST_REPEATS} times."),
    )
    concurrency = forms.IntegerField(
        min_value=1,
        max_value=MOST_CONCURRENCY,
        initial=10,
        label="Calls at a time",
        error_messages=says(f"From 1 to {MOST_CONCURRENCY} calls go out at a time."),
    )
    budget_usd = forms.DecimalField(
        required=False,
        min_value=Decimal("0.000001"),
        max_digits=16,
        decimal_places=6,
        label="Spend at most ($)",
        help_text="The run stops by itself at this sum.",
        error_messages={"min_value": "A budget is more than zero dollars. Leave it empty for none."},
    )
    label = forms.CharField(required=False, max_length=200, label="Note", help_text="To find this run again.")

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        self.fields["prompt"].queryset = prompts_for_project(project)  # type: ignore[attr-defined]
        self.fields["dataset"].queryset = datasets_for_project(project)  # type: ignore[attr-defined]
        self.fields["evaluators"].queryset = evaluators_for_project(project)  # type: ignore[attr-defined]
        self.fields["connection"].queryset = connections_for_project(project)  # type: ignore[attr-defined]

    @property
    def proposed_models(self) -> list[tuple[str, str]]:
        """Models to propose while a person types, each once, with the names of the connections that propose it."""
        proposing: dict[str, list[str]] = {}
        for connection in connections_for_project(self.project):
            for model in connection.proposed_models:
                proposing.setdefault(model, []).append(connection.name)
        return [(model, ", ".join(names)) for model, names in proposing.items()]

    def missing(self) -> str:
        """The first of "prompt" and "dataset" of which the project has none; empty when a run can be chosen."""
        return next((name for name in ("prompt", "dataset") if not self._offers(name)), "")

    def _offers(self, name: str) -> bool:
        return bool(self.fields[name].queryset.exists())  # type: ignore[attr-defined]  # the field of a model

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        prompt, number = cleaned.get("prompt"), cleaned.get("version")
        if prompt is not None:
            try:
                version = prompt_version(prompt, number=number) if number else latest_version(prompt)
                cleaned["prompt_version"] = version
            except Http404 as missing:
                self.add_error("version", str(missing))
        return cleaned

    def settings(self) -> RunSettings:
        """What was asked for; the form must be valid."""
        wanted = self.cleaned_data
        names = [evaluator.name for evaluator in wanted["evaluators"]]
        return RunSettings(
            dataset=wanted["dataset"],
            evaluators=latest_evaluator_versions(self.project, names=names),
            version=wanted["prompt_version"],
            connection=wanted["connection"],
            model=wanted["model"],
            repeats=wanted["repeats"],
            concurrency=wanted["concurrency"],
            budget_usd=wanted["budget_usd"],
            sample=wanted["sample"],
            label=wanted["label"],
        )
