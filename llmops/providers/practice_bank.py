"""The demo of the practice model: two versions of a bank's support prompt, and cases to compare them.

The second version is right clearly more often, and wrong on three cases that the first had right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from llmops.providers.base import Message


@dataclass(frozen=True, slots=True)
class BankVersion:
    """A version of the prompt, with the variables `question` and `account`; `message` says what is new."""

    message: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class BankCase:
    """What a customer asks. A right answer holds `expected`."""

    key: str
    inputs: Mapping[str, str]
    expected: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PracticeBank:
    versions: tuple[BankVersion, ...]
    cases: tuple[BankCase, ...]


@cache
def practice_bank() -> PracticeBank:
    """What practice_bank.json holds; ask the practice model `banker` for the answers."""
    file = resources.files("llmops.providers").joinpath("practice_bank.json")
    bank = json.loads(file.read_text("utf-8"))
    return PracticeBank(
        versions=tuple(
            BankVersion(version["message"], tuple(Message(**part) for part in version["messages"]))
            for version in bank["versions"]
        ),
        cases=tuple(BankCase(**{**case, "tags": tuple(case["tags"])}) for case in bank["cases"]),
    )
