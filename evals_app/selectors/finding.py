"""What the search over everything finds of evaluation."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from evals_app.selectors.datasets import datasets_for_project
from evals_app.selectors.evaluators import evaluators_for_project
from evals_app.selectors.runs import runs_going_by
from llmops.core.models import Project
from llmops.panels import Hit


def datasets_found(project: Project, text: str, limit: int) -> list[Hit]:
    """Datasets by name and description, newest change first."""
    annotated: Any = datasets_for_project(project, search=text)
    found = annotated.values_list("name", "n_cases")
    return [
        Hit(
            name,
            reverse("evals:dataset-detail", args=[project.slug, name]),
            "1 case" if n_cases == 1 else f"{n_cases:,} cases",
        )
        for name, n_cases in found[:limit]
    ]


def metrics_found(project: Project, text: str, limit: int) -> list[Hit]:
    """Metrics by name."""
    found = evaluators_for_project(project).filter(name__icontains=text)
    return [
        Hit(metric.name, reverse("evals:evaluator-detail", args=[project.slug, metric.name]))
        for metric in found[:limit]
    ]


def runs_found(project: Project, text: str, limit: int) -> list[Hit]:
    """Runs by what their list finds them by, newest first."""
    return [
        Hit(
            f"{run.title}, on “{run.dataset.name}”",
            reverse("evals:run-detail", args=[project.slug, run.pk]),
            f"run {run.pk}, {run.state}",
        )
        for run in runs_going_by(project, text)[:limit]
    ]
