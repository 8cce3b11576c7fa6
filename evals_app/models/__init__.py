from evals_app.models.dataset import Case, CaseVersion, Dataset, DatasetRevision
from evals_app.models.evaluator import Evaluator, EvaluatorVersion
from evals_app.models.result import Result, Score
from evals_app.models.run import Run, RunEvaluator

__all__ = [
    "Case",
    "CaseVersion",
    "Dataset",
    "DatasetRevision",
    "Evaluator",
    "EvaluatorVersion",
    "Result",
    "Run",
    "RunEvaluator",
    "Score",
]
