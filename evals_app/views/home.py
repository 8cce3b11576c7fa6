"""What evaluation adds to pages below it: first steps, the latest runs, a button on the page of a prompt."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from evals_app.models import Dataset, Evaluator, Run
from evals_app.selectors.headlines import runs_page
from evals_app.selectors.runs import version_not_run
from llmops.core.access import Action, ProjectRequest
from llmops.core.models import Project
from llmops.panels import (
    FirstStep,
    NextStep,
    register_first_step,
    register_home_panel,
    register_next_step,
    register_prompt_action,
)
from prompts_app.models import Prompt, PromptVersion

LATEST = 5


def has_cases(project: Project) -> bool:
    return Dataset.objects.filter(project=project, archived_at__isnull=True, revision__gt=0).exists()


def has_metrics(project: Project) -> bool:
    return Evaluator.objects.filter(project=project, archived_at__isnull=True).exists()


def has_runs(project: Project) -> bool:
    return Run.objects.filter(project=project).exists()


def latest_runs(request: ProjectRequest) -> dict[str, Any]:
    """The newest runs, for the panel on the home page."""
    return {"project": request.project, "page": runs_page(request.project, limit=LATEST)}


def run_button(prompt: Prompt, version: PromptVersion) -> tuple[str, str, str]:
    """The way from a prompt's version to a run of it."""
    chosen = {"prompt": prompt.name, "version": version.number}
    return "Start a run", run_address(prompt.project, chosen), "player-play"


def run_newest_version(project: Project) -> NextStep | None:
    """A version that was made after the prompt was run, and that nobody has run since."""
    found = version_not_run(project)
    if found is None:
        return None
    name, number, before, dataset = found
    return NextStep(
        title=f"Version {number} of {name} has not been run yet",
        text=f"Version {before} was run over “{dataset}”. Run version {number} over it too, to see how well it does.",
        action=f"Start a run of version {number}",
        url=run_address(project, {"prompt": name, "version": number, "dataset": dataset}),
        needs=Action.START_RUN,
    )


def run_address(project: Project, chosen: dict[str, Any]) -> str:
    """The page that starts a run, with these choices made."""
    return f"{reverse('evals:run-new', kwargs={'project': project.slug})}?{urlencode(chosen)}"


def register() -> None:
    """Fill the slots; called once the apps are ready."""
    register_first_step(
        FirstStep(
            key="cases",
            title="Add cases",
            text="What people ask and what a good answer holds. Import a spreadsheet, or type the first ten.",
            action="Add cases",
            url_name="evals:dataset-list",
            position=30,
            done=has_cases,
            needs=Action.EDIT_DATASET,
        ),
        FirstStep(
            key="metric",
            title="Say what a right answer is",
            text="That it is the expected one, holds certain words, or what a model judges by a question of yours.",
            action="Make a metric",
            url_name="evals:evaluator-new",
            position=35,
            done=has_metrics,
            needs=Action.EDIT_EVALUATOR,
        ),
        FirstStep(
            key="run",
            title="Run the prompt on the cases",
            text="Every case is asked and scored, and you read how often the answer was right.",
            action="Start a run",
            url_name="evals:run-new",
            position=40,
            done=has_runs,
            needs=Action.START_RUN,
        ),
    )
    register_home_panel("evals_app/_home_runs.html", latest_runs)
    register_next_step(run_newest_version, key="newest-version")
    register_prompt_action(run_button)
