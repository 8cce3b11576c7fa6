from evals_app.selectors.datasets import case_count, cases_at, dataset_by_name, datasets_for_project
from evals_app.selectors.evaluators import (
    evaluator_by_name,
    evaluators_for_project,
    latest_evaluator_version,
    latest_evaluator_versions,
)
from evals_app.selectors.results import (
    result_by_id,
    result_calls,
    results_filtered,
    results_of_run,
    tags_of_run,
)
from evals_app.selectors.runs import run_by_id, run_choices, run_counts, run_evaluators, runs_for_project

__all__ = [
    "case_count",
    "cases_at",
    "dataset_by_name",
    "datasets_for_project",
    "evaluator_by_name",
    "evaluators_for_project",
    "latest_evaluator_version",
    "latest_evaluator_versions",
    "result_by_id",
    "result_calls",
    "results_filtered",
    "results_of_run",
    "run_by_id",
    "run_choices",
    "run_counts",
    "run_evaluators",
    "runs_for_project",
    "tags_of_run",
]
