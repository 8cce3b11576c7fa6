"""contains: the answer has certain words in it."""

from __future__ import annotations

import re

from evals_app.engine.expected import EXPECTED_HOLDS, NO_EXPECTED, accepted_answers, texts_setting
from evals_app.engine.kind import Config, Kind
from evals_app.engine.marks import Mark, Sample, no, quoted, unscored, yes
from evals_app.engine.normalise import NORMALISING_SETTINGS, normaliser_of


def contains_mark(settings: Config, sample: Sample) -> Mark:
    """Yes when all (or any) of the texts are in the answer, after normalising both."""
    wanted = accepted_answers(settings["texts"], settings["expected_holds"], sample)
    if not wanted:
        return unscored(NO_EXPECTED)
    same = normaliser_of(dict(settings))
    answer = same(sample.output)
    missing = [text for text in wanted if not _is_in(same(text), answer, settings["whole_words"])]
    if settings["mode"] == "any":
        found = [text for text in wanted if text not in missing]
        if found:
            return yes(f"The answer contains {quoted(found[0])}.")
    elif not missing:
        return yes(f"The answer contains {_listed(wanted)}.")
    return no(f"The answer does not contain {_listed(missing)}.")


def _is_in(text: str, answer: str, whole_words: bool) -> bool:
    if not whole_words:
        return text in answer
    before = r"(?<!\w)" if re.match(r"\w", text) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", text) else ""
    return re.search(before + re.escape(text) + after, answer) is not None


def _listed(texts: list[str]) -> str:
    shown = ", ".join(quoted(text, 40) for text in texts[:5])
    return shown if len(texts) <= 5 else f"{shown} and {len(texts) - 5} more"


def _needs(settings: Config) -> tuple[str, ...]:
    return () if settings["texts"] else ("expected",)


CONTAINS = Kind(
    name="contains",
    title="Contains certain words",
    summary="The answer must have the expected words somewhere in it; what else it says does not matter.",
    config_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "texts": texts_setting(
                "Words to look for",
                "One word or phrase per entry. Leave empty to look for each case's expected answer.",
            ),
            "mode": {
                "type": "string",
                "enum": ["all", "any"],
                "default": "all",
                "title": "How many of them",
                "description": "all: every one must be there. any: one is enough.",
            },
            "whole_words": {
                "type": "boolean",
                "default": False,
                "title": "Whole words only",
                "description": "Then “no” is not found in “know”, and “3” not in “13”.",
            },
            "expected_holds": EXPECTED_HOLDS,
            **NORMALISING_SETTINGS,
        },
    },
    needs=("expected",),
    scorer=contains_mark,
    needs_with=_needs,
)
