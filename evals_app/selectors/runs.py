"""Reading runs: how far, what it found, what it waits for."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import Http404

from evals_app.models import Run, RunEvaluator
from llmops.core.models import Project
from llmops.ids import row_number
from prompts_app.models import Prompt, PromptVersion

_BEFORE_A_NUMBER = re.compile(r"^(?:run\s*)?#?\s*", re.IGNORECASE)


class Usage(NamedTuple):
    """Tokens of a run's answers, as the vendors counted them; judges' are not among them."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Results of a run by state; every planned result is in exactly one."""

    total: int
    pending: int
    running: int
    done: int
    error: int

    @property
    def finished(self) -> int:
        return self.done + self.error


class Progress(NamedTuple):
    """How far a run is, and what its answers took."""

    counts: Counts
    usage: Usage


def runs_for_project(project: Project) -> QuerySet[Run]:
    """The project's runs, newest first, with what their list shows."""
    return (
        Run.objects.filter(project=project)
        .select_related("dataset", "prompt_version__prompt", "connection", "created_by")
        .order_by("-pk")
    )


def runs_going_by(project: Project, text: str) -> QuerySet[Run]:
    """The project's runs whose note, model, prompt or dataset has this text, or whose number it is ("12", "run 12")."""
    by_words = (
        Q(label__icontains=text)
        | Q(model__icontains=text)
        | Q(dataset__name__icontains=text)
        | Q(prompt_version__prompt__name__icontains=text)
    )
    number = row_number(_BEFORE_A_NUMBER.sub("", text.strip()))
    return runs_for_project(project).filter(by_words | Q(pk=number) if number else by_words)


def run_by_id(project: Project, *, run_id: str | int) -> Run:
    """The project's run with this id. Raises Http404."""
    text = str(run_id)
    run = runs_for_project(project).filter(pk=row_number(text) or 0).first()
    if run is None:
        raise Http404(f"There is no run {text[:40]} in this project.")
    return run


def run_counts(run: Run) -> Counts:
    """How many results are in which state, from the rows."""
    return runs_progress([run.pk])[run.pk].counts


def runs_progress(run_ids: Collection[int]) -> dict[int, Progress]:
    """How far these runs are, from the rows, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT run_id, count(*), count(*) FILTER (WHERE state = 'pending' OR state = 'running' AND ahead),"
            "       count(*) FILTER (WHERE state = 'running' AND NOT ahead), count(*) FILTER (WHERE state = 'done'),"
            "       count(*) FILTER (WHERE state = 'error'), coalesce(sum(input_tokens), 0),"
            "       coalesce(sum(output_tokens), 0)"
            "  FROM evals_app_result WHERE run_id = ANY(%s) GROUP BY run_id",
            [list(run_ids)],
        )
        found = {
            run_id: Progress(Counts(*counts), Usage(int(input_tokens), int(output_tokens)))
            for run_id, *counts, input_tokens, output_tokens in cursor.fetchall()
        }
    nothing = Progress(Counts(0, 0, 0, 0, 0), Usage(0, 0))
    return {run_id: found.get(run_id, nothing) for run_id in run_ids}


def run_evaluators(run: Run) -> list[RunEvaluator]:
    """What the run is marked by, in the order of its pages."""
    return runs_evaluators([run.pk])


def runs_evaluators(run_ids: Collection[int]) -> list[RunEvaluator]:
    """What these runs are marked by, run by run, in the order of their pages."""
    rows = RunEvaluator.objects.filter(run__in=run_ids).select_related(
        "evaluator_version__evaluator", "evaluator_version__connection"
    )
    return list(rows.order_by("run_id", "position", "pk"))


def run_choices(project: Project, *, prompt: str = "", dataset: str = "") -> dict[str, str | list[str]]:
    """Prompt, dataset and metrics of the latest run (of this prompt and dataset, when named), by name."""
    runs = runs_for_project(project).filter(prompt_version__isnull=False)
    if prompt:
        runs = runs.filter(prompt_version__prompt__name=prompt)
    if dataset:
        runs = runs.filter(dataset__name=dataset)
    latest = runs.first()
    if latest is None or latest.prompt_version is None:
        return {}
    return {
        "prompt": latest.prompt_version.prompt.name,
        "dataset": latest.dataset.name,
        "evaluators": [row.evaluator_version.evaluator.name for row in run_evaluators(latest)],
    }


class NotRun(NamedTuple):
    """The newest version of a prompt, which no run has asked yet, and the version and dataset of its latest run."""

    prompt: str
    number: int
    number_before: int
    dataset: str


def version_not_run(project: Project) -> NotRun | None:
    """The prompt changed last of those that were run before they were changed and whose dataset is still there."""
    newest = PromptVersion.objects.filter(prompt=OuterRef("pk")).order_by("-number")
    before = Run.objects.filter(prompt_version__prompt=OuterRef("pk"), dataset__archived_at=None).order_by("-pk")
    found = (
        Prompt.objects.filter(Exists(before), project=project, archived_at=None)
        .annotate(newest=Subquery(newest.values("pk")[:1]))
        .exclude(Exists(Run.objects.filter(prompt_version=OuterRef("newest"))))
        .order_by("-updated_at", "-pk")
        .values_list(
            "name",
            Subquery(newest.values("number")[:1]),
            Subquery(before.values("prompt_version__number")[:1]),
            Subquery(before.values("dataset__name")[:1]),
        )
        .first()
    )
    return NotRun(*found) if found else None
