"""exact: the answer is the expected one."""

from __future__ import annotations

from evals_app.engine.expected import EXPECTED_HOLDS, NO_EXPECTED, accepted_answers, texts_setting
from evals_app.engine.kind import Config, Kind
from evals_app.engine.marks import Mark, Sample, no, quoted, unscored, yes
from evals_app.engine.normalise import NORMALISING_SETTINGS, normaliser_of


def exact_mark(settings: Config, sample: Sample) -> Mark:
    """Yes when the whole answer equals one of the accepted answers, after normalising both."""
    accepted = accepted_answers(settings["answers"], settings["expected_holds"], sample)
    if not accepted:
        return unscored(NO_EXPECTED)
    same = normaliser_of(dict(settings))
    answer = same(sample.output)
    for text in accepted:
        if same(text) == answer:
            return yes(f"The answer is {quoted(text)}, as expected.")
    if not sample.output.strip():
        return no("The answer is empty.")
    wanted = quoted(accepted[0]) if len(accepted) == 1 else f"one of {len(accepted)} accepted answers"
    return no(f"Expected {wanted}, but the answer is {quoted(sample.output)}.")


def _needs(settings: Config) -> tuple[str, ...]:
    return () if settings["answers"] else ("expected",)


EXACT = Kind(
    name="exact",
    title="Same as the expected answer",
    summary="The answer must be the expected one; capitals, extra spaces and a final full stop do not count.",
    config_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "answers": texts_setting(
                "Accepted answers",
                "Any of these is right. Leave empty to compare with each case's expected answer.",
            ),
            "expected_holds": EXPECTED_HOLDS,
            **NORMALISING_SETTINGS,
        },
    },
    needs=("expected",),
    scorer=exact_mark,
    needs_with=_needs,
)
