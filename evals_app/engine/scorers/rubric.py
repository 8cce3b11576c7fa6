"""rubric: a model judges the answer by a question."""

from __future__ import annotations

from typing import Any

from evals_app.choices import ScoreState, ValueType
from evals_app.engine.config_check import ConfigError
from evals_app.engine.kind import Config, Kind
from evals_app.engine.marks import Mark, Sample, unscored
from llmops.grading import Scale, grade_schema, grading_messages, parse_grade
from llmops.providers.base import Message

_VALUE_TYPES = {
    Scale.YES_NO: ValueType.YES_NO,
    Scale.ONE_TO_FIVE: ValueType.NUMBER,
    Scale.CATEGORIES: ValueType.CATEGORY,
}


def judge_messages(config: Config, sample: Sample) -> tuple[Message, ...]:
    """What to ask the judge about this answer."""
    settings = RUBRIC.settings(config)
    return grading_messages(
        question=settings["question"],
        scale=settings["scale"],
        categories=settings["categories"],
        output=sample.output,
        inputs=sample.inputs,
        expected=sample.expected,
        reference=sample.reference,
        previous=sample.previous,
        feedback=sample.feedback,
    )


def judge_schema(config: Config) -> dict[str, Any]:
    """The JSON Schema of the judge's reply, for servers that can be held to one."""
    settings = RUBRIC.settings(config)
    return grade_schema(settings["scale"], settings["categories"])


def judge_mark(config: Config, answer: str) -> Mark:
    """What the judge's reply means. UNSCORED, with the reason, when it has no unmistakable grade.

    Categories have no value, unless the settings say which ones are good: then it is 1.0 or 0.0.
    """
    settings = RUBRIC.settings(config)
    grade = parse_grade(answer, scale=settings["scale"], categories=settings["categories"])
    if grade.problem:
        return unscored(grade.problem)
    value = grade.value
    if grade.label and settings["good_categories"]:
        value = float(grade.label in settings["good_categories"])
    return Mark(ScoreState.SCORED, value, grade.label, grade.reason)


def _check(settings: Config) -> None:
    categories, good = settings["categories"], settings["good_categories"]
    if settings["scale"] != Scale.CATEGORIES:
        if categories or good:
            raise ConfigError(
                "categories", "Categories belong to the scale “categories”. Choose it, or leave them out."
            )
        return
    if len(categories) < 2:
        raise ConfigError("categories", "Give at least two categories.")
    for category in categories:
        if parse_grade(category, scale=Scale.CATEGORIES, categories=categories).label != category:
            raise ConfigError("categories", f"“{category}” cannot be told from another category. Rename one of them.")
    if unknown := [name for name in good if name not in categories]:
        raise ConfigError("good_categories", f"“{unknown[0]}” is none of the categories.")


def _names(title: str, description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "string", "pattern": r"\S", "maxLength": 200},
        "maxItems": 50,
        "uniqueItems": True,
        "default": [],
        "title": title,
        "description": description,
    }


RUBRIC = Kind(
    name="rubric",
    title="A model judges by your question",
    summary="A model reads each answer and answers your question about it, with a reason.",
    config_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["question"],
        "properties": {
            "question": {
                "type": "string",
                "pattern": r"\S",
                "maxLength": 20_000,
                "title": "Question",
                "description": "For example: Does the answer stay polite and offer a next step?",
            },
            "scale": {
                "type": "string",
                "enum": [str(scale) for scale in Scale],
                "default": str(Scale.YES_NO),
                "title": "The judge answers with",
                "description": "yes_no, one_to_five (1 is the worst, 5 the best), or one of your categories.",
            },
            "categories": _names("Categories", "One per entry; for the scale “categories” only."),
            "good_categories": _names(
                "Categories that count as good",
                "Then the share of good answers is shown, not only each category.",
            ),
            "connection": {
                "type": "string",
                "maxLength": 200,
                "title": "Connection of the judge",
                "description": "The name of a model connection. Without one, answers stay unscored.",
            },
            "model": {
                "type": "string",
                "maxLength": 200,
                "title": "Model of the judge",
                "description": "A capable model, better not the one that is judged.",
            },
        },
    },
    uses_model=True,
    extra_check=_check,
    value_type_of=lambda settings: _VALUE_TYPES[Scale(settings["scale"])],
)
