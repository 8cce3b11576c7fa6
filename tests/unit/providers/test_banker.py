"""The demo's numbers, proved through prompt, adapter and the `contains` rule."""

from collections.abc import Mapping
from math import comb

import pytest

from llmops.providers.banker import banker_answer, knowledge, normal
from llmops.providers.base import ChatRequest, Credential, Message, Vendor
from llmops.providers.fake import PracticeAdapter
from llmops.providers.practice_bank import practice_bank

PRACTICE = Credential(1, "practice", Vendor.PRACTICE, "", "")


def rendered(version: int, inputs: Mapping[str, str]) -> tuple[Message, ...]:
    messages = []
    for message in practice_bank().versions[version].messages:
        text = message.content
        for name, value in inputs.items():
            text = text.replace("{{" + name + "}}", value)
        assert "{{" not in text
        messages.append(Message(message.role, text))
    return tuple(messages)


async def outcomes(version: int) -> list[bool]:
    adapter = PracticeAdapter(PRACTICE)
    right = []
    for case in practice_bank().cases:
        request = ChatRequest("banker", rendered(version, case.inputs))
        completion = await adapter.complete(request, timeout_s=5.0)
        right.append(normal(case.expected) in normal(completion.text))
    return right


async def test_second_version_is_better_on_the_whole_and_worse_on_some() -> None:
    first, second = await outcomes(0), await outcomes(1)
    assert len(first) == 40
    assert (sum(first), sum(second)) == (25, 34), "62 % and 85 %"
    lost = [case for case, was, now in zip(practice_bank().cases, first, second, strict=True) if was and not now]
    won = [case for case, was, now in zip(practice_bank().cases, first, second, strict=True) if now and not was]
    assert (len(lost), len(won)) == (3, 12)
    assert sum("critical" in case.tags for case in lost) == 1
    # Exact McNemar: 2 * P(X <= 3), X binomial(15, 1/2) = 2 * 576 / 32768 = 0.035, so "better" can be said.
    p = 2 * sum(comb(15, k) for k in range(4)) / 2**15
    assert p == pytest.approx(0.0352, abs=1e-4)


async def test_there_is_room_for_a_third_version() -> None:
    case = next(case for case in practice_bank().cases if "advice" in case.tags)
    system = Message("system", "Send questions about tax and investment to an adviser.")
    assert banker_answer((system, Message("user", case.inputs["question"]))) == case.expected


def test_cases_are_what_a_dataset_needs() -> None:
    cases = practice_bank().cases
    assert len({normal(case.inputs["question"]) for case in cases}) == len({case.key for case in cases}) == 40
    assert sum("critical" in case.tags for case in cases) == 4
    assert all(case.tags and case.inputs["account"] in ("Basic", "Plus", "Student") for case in cases)
    for case in cases:
        assert knowledge().entries[normal(case.inputs["question"])].good == case.expected


def test_poor_answers_never_hold_the_expected_fact() -> None:
    known = knowledge()
    assert len(known.entries) == 60
    for entry in known.entries.values():
        assert bool(entry.poor) is bool(entry.when | entry.unless)
        assert normal(entry.good) not in normal(entry.poor)
        assert entry.when | entry.unless <= known.rules.keys()


def test_no_question_hides_in_another() -> None:
    questions = list(knowledge().entries)
    hidden = [(one, other) for one in questions for other in questions if one != other and one in other]
    assert hidden == []


@pytest.mark.parametrize(
    "asked",
    [
        "what does a replacement card cost",
        "  What does a REPLACEMENT card cost?? ",
        "Question: What does a replacement card cost?\nAnswer:",
    ],
)
def test_questions_are_found_however_they_are_put(asked: str) -> None:
    assert banker_answer((Message("system", "Name fees."), Message("user", asked))) == "10 euro"


def test_words_of_the_question_are_no_instructions() -> None:
    """“price” in the question must not pass for a prompt that asks for prices."""
    question = "What does a replacement card cost?"
    assert "list of prices" in banker_answer((Message("user", question),))
    assert banker_answer((Message("user", f"Give the exact price. {question}"),)) == "10 euro"


@pytest.mark.parametrize("prompt", ["Generate a separate strategy.", "We value your feedback and feelings."])
def test_rules_are_whole_words(prompt: str) -> None:
    question = Message("user", "What does a replacement card cost?")
    assert "list of prices" in banker_answer((Message("system", prompt), question))


@pytest.mark.parametrize("asked", ["", "Who won the world cup?", "cost"])
def test_unknown_questions_get_a_polite_answer(asked: str) -> None:
    assert banker_answer((Message("user", asked),)) == (
        "I am sorry, I do not know that. Please ask our support team in the app."
    )
    assert banker_answer(()) == knowledge().unknown
