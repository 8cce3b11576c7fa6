"""A metric in plain words, for lists and for those who may not change it."""

from __future__ import annotations

from dataclasses import dataclass

from evals_app.choices import ValueType
from evals_app.engine import KINDS, Kind
from evals_app.forms.settings_fields import settings_in_words
from evals_app.models import EvaluatorVersion

_NEEDS = {
    "expected": "the expected answer",
    "reference": "a reference text",
    "previous": "a previous answer",
    "feedback": "feedback",
}


@dataclass(frozen=True, slots=True)
class MetricWords:
    """What a metric is, gives and needs; `judge` is empty for code, `judge_missing` when nobody can judge."""

    version: EvaluatorVersion
    kind: Kind
    gives: str
    needs: str
    judge: str
    judge_missing: bool
    settings: list[tuple[str, str]]


def metric_words(version: EvaluatorVersion) -> MetricWords:
    kind = KINDS[version.evaluator.kind]
    judge = f"{version.model} ({version.connection.name})" if version.connection else ""
    removed = version.connection is not None and version.connection.archived_at is not None
    return MetricWords(
        version=version,
        kind=kind,
        gives=_gives(version),
        needs=" and ".join(_NEEDS.get(part, part) for part in kind.needs_of(version.config)),
        judge=judge,
        judge_missing=kind.uses_model and (not judge or removed),
        settings=settings_in_words(kind, version.config),
    )


def _gives(version: EvaluatorVersion) -> str:
    if version.value_type == ValueType.YES_NO:
        return "yes or no"
    if version.value_type == ValueType.CATEGORY:
        return f"one of {len(version.config.get('categories', []))} categories"
    return "1 to 5" if version.config.get("scale") == "one_to_five" else "a number"
