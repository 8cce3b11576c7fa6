"""Answers made elsewhere, matched to their cases and their marks read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals_app.choices import ScoreState, ValueType
from evals_app.engine import Mark
from evals_app.models import CaseVersion, EvaluatorVersion
from evals_app.selectors.datasets import cases_at
from evals_app.selectors.scores import value_range
from evals_app.services.datasets import CaseProblem
from evals_app.services.runs import RunSettings, UploadedOutput


class WrongOutputs(ValueError):
    """Some outputs cannot be taken and nothing was stored."""

    def __init__(self, problems: Sequence[CaseProblem]) -> None:
        rows = len({problem.row for problem in problems})
        super().__init__(f"{rows} output{'s are' if rows != 1 else ' is'} wrong, so nothing was stored. See fields.")
        self.problems = problems


def uploaded_outputs(wanted: RunSettings, outputs: Sequence[Mapping[str, Any]]) -> list[UploadedOutput]:
    """Outputs `{case, output, scores}` with `case` a key or an id of the newest revision.

    `scores` are taken as given for the run's evaluators of that name. Raises WrongOutputs.
    """
    cases = _cases_by_name(wanted)
    evaluators = {version.evaluator.name: version for version in wanted.evaluators}
    problems: list[CaseProblem] = []
    found: dict[int, UploadedOutput] = {}
    for row, output in enumerate(outputs):
        case = cases.get(output["case"])
        if case is None:
            message = f"The dataset “{wanted.dataset.name}” has no case “{output['case']}”."
            problems.append(CaseProblem(row, "case", message))
        elif case.pk in found:
            problems.append(CaseProblem(row, "case", f"There is an output for the case “{output['case']}” already."))
        else:
            marks, wrong = _marks(row, output.get("scores") or {}, evaluators)
            problems += wrong
            found[case.pk] = UploadedOutput(case, output["output"], marks)
    if problems:
        raise WrongOutputs(problems)
    return list(found.values())


def _cases_by_name(wanted: RunSettings) -> dict[str, CaseVersion]:
    by_name: dict[str, CaseVersion] = {}
    cases = list(cases_at(wanted.dataset, revision=wanted.dataset.revision))
    by_name.update((str(case.case_id), case) for case in cases)
    by_name.update((case.case.key, case) for case in cases if case.case.key)  # a key wins over an id
    return by_name


def _marks(
    row: int, scores: Mapping[str, Any], evaluators: Mapping[str, EvaluatorVersion]
) -> tuple[dict[int, Mark], list[CaseProblem]]:
    marks: dict[int, Mark] = {}
    problems: list[CaseProblem] = []
    for name, value in scores.items():
        version = evaluators.get(name)
        if version is None:
            message = f"“{name}” is not among the run's evaluators. Add it there, or leave its score out."
            problems.append(CaseProblem(row, f"scores.{name}", message))
            continue
        mark = _mark(value, version)
        if mark is None:
            problems.append(CaseProblem(row, f"scores.{name}", f"A score of “{name}” is {_wanted(version)}."))
        else:
            marks[version.pk] = mark
    return marks, problems


def _mark(value: Any, version: EvaluatorVersion) -> Mark | None:
    match version.value_type:
        case ValueType.YES_NO if isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1)):
            return _given(float(value), "")
        case ValueType.NUMBER if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = value_range(version.config, ValueType.NUMBER)
            return _given(float(value), "") if low <= value <= high else None
        case ValueType.CATEGORY if isinstance(value, str):
            good = version.config.get("good_categories")
            return _given(float(value in good) if good else None, value) if value in _categories(version) else None
    return None


def _wanted(version: EvaluatorVersion) -> str:
    match version.value_type:
        case ValueType.YES_NO:
            return "true or false"
        case ValueType.NUMBER:
            low, high = value_range(version.config, ValueType.NUMBER)
            return f"a number from {low:g} to {high:g}"
    return f"one of {', '.join(_categories(version))}"


def _categories(version: EvaluatorVersion) -> list[str]:
    return [str(category) for category in version.config.get("categories") or ()]


def _given(value: float | None, label: str) -> Mark:
    return Mark(ScoreState.SCORED, value, label, "Given with the uploaded answer.")
