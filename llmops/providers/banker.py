"""The practice model `banker`: a support assistant of an online bank that answers about sixty questions.

It is as good as its prompt: a table says which instructions bring out the right answer to a question and
which hide it, so that a better prompt measurably scores better, the same way every time.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from llmops.providers.base import Message


@dataclass(frozen=True, slots=True)
class Entry:
    """A question. The answer is `good` when the prompt follows all rules in `when` and none in `unless`;
    without any rule there is no poor one."""

    question: str
    good: str
    poor: str
    when: frozenset[str]
    unless: frozenset[str]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """`rules` maps a rule to the words in a prompt that stand for it; `entries` is by normal question."""

    entries: Mapping[str, Entry]
    rules: Mapping[str, re.Pattern[str]]
    unknown: str


def banker_answer(messages: Sequence[Message]) -> str:
    """The answer to the first known question in the last user message, or a polite way of not knowing."""
    known = knowledge()
    asked = next((message.content for message in reversed(messages) if message.role == "user"), "")
    question = _question_in(normal(asked), known)
    if question is None:
        return known.unknown
    entry = known.entries[question]
    prompt = normal("\n".join(message.content for message in messages)).replace(question, " ")
    followed = {rule for rule, pattern in known.rules.items() if pattern.search(prompt)}
    right = entry.when <= followed and not entry.unless & followed
    return entry.good if right else entry.poor


@cache
def knowledge() -> Knowledge:
    table = json.loads(resources.files("llmops.providers").joinpath("practice_answers.json").read_text("utf-8"))
    entries = [
        Entry(
            question=row["question"],
            good=row["good"],
            poor=row.get("poor", ""),
            when=frozenset(row.get("when", ())),
            unless=frozenset(row.get("unless", ())),
        )
        for row in table["answers"]
    ]
    return Knowledge(
        entries={normal(entry.question): entry for entry in entries},
        rules={rule: _any_of(phrases) for rule, phrases in table["rules"].items()},
        unknown=table["unknown"],
    )


def normal(text: str) -> str:
    """Lower case, one space between words, no punctuation at the end: how questions are told apart."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s+", " ", folded).strip().rstrip("?!. ")


def _any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    """Finds these phrases as whole words, in the singular and the plural."""
    return re.compile(rf"\b({'|'.join(map(re.escape, phrases))})(s|es)?\b")


def _question_in(asked: str, known: Knowledge) -> str | None:
    found = [question for question in known.entries if question in asked]
    return max(found, key=len, default=None)
