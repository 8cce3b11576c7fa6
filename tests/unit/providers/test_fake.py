import asyncio
from dataclasses import replace

import pytest

from llmops.providers.base import (
    CallErrorKind,
    ChatRequest,
    Completion,
    Credential,
    Message,
    ModelCallError,
    Vendor,
)
from llmops.providers.fake import PracticeAdapter

PRACTICE = Credential(1, "practice", Vendor.PRACTICE, "", "")
TALK = (
    Message("system", "Be kind."),
    Message("user", "first"),
    Message("assistant", "no"),
    Message("user", " Grüße,\n  {{x}} 😀 "),
)


async def answer(model: str, messages: tuple[Message, ...] = TALK, **more: object) -> Completion:
    return await PracticeAdapter(PRACTICE).complete(ChatRequest(model, messages), timeout_s=5.0, **more)


async def failure(model: str, **more: object) -> ModelCallError:
    with pytest.raises(ModelCallError) as caught:
        await answer(model, **more)
    return caught.value


async def test_echo_repeats_the_last_user_message_word_for_word() -> None:
    assert (await answer("echo")).text == TALK[-1].content
    assert (await answer("echo", TALK[:1])).text == ""


async def test_fixed_says_its_text() -> None:
    assert (await answer('fixed:{"a": 1}: yes')).text == '{"a": 1}: yes'
    assert (await answer("fixed:")).text == ""


async def test_usage_is_a_quarter_of_the_characters_rounded_up() -> None:
    usage = (await answer("fixed:12345", (Message("user", "123456789"),))).usage
    assert usage is not None and (usage.input_tokens, usage.output_tokens) == (3, 2)


async def test_same_question_same_answer() -> None:
    assert await answer("echo") == await answer("echo")


async def test_slow_waits_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert (await answer("slow:1500")).text == TALK[-1].content
    error = await failure("slow:9000")
    assert (error.kind, slept) == (CallErrorKind.TIMED_OUT, [1.5, 5.0])


async def test_flaky_fails_at_its_rate_with_every_passing_kind_of_error() -> None:
    kinds: list[CallErrorKind] = []
    for number in range(1_000):
        try:
            await answer("flaky:30", (Message("user", f"question {number}"),))
        except ModelCallError as error:
            assert error.retryable
            kinds.append(error.kind)
    assert 260 <= len(kinds) <= 340
    assert set(kinds) == {"rate_limited", "vendor_down", "timed_out", "bad_answer"}


async def test_flaky_is_decided_by_the_request_and_the_attempt() -> None:
    async def fails(request: ChatRequest, attempt: int) -> bool:
        try:
            await PracticeAdapter(PRACTICE).complete(request, timeout_s=5.0, attempt=attempt)
        except ModelCallError:
            return True
        return False

    request = ChatRequest("flaky:50", TALK)
    fates = [await fails(request, attempt) for attempt in range(1, 30)]
    assert fates == [await fails(request, attempt) for attempt in range(1, 30)]
    assert 5 < sum(fates) < 25
    assert fates != [await fails(replace(request, seed=2), attempt) for attempt in range(1, 30)]


async def test_flaky_ends_of_the_scale() -> None:
    for number in range(50):
        messages = (Message("user", str(number)),)
        assert (await answer("flaky:0", messages)).text == str(number)
        assert (await failure("flaky:100", messages=messages)).retryable


@pytest.mark.parametrize(
    "model", ["", "eco", "echo:x", "slow:", "slow:x", "slow:-1", "flaky:101", "flaky:²", "banker:2"]
)
async def test_other_names_are_no_models(model: str) -> None:
    error = await failure(model)
    assert (error.kind, error.retryable) == (CallErrorKind.NO_SUCH_MODEL, False)
    assert f"“{model}”" in error.message


@pytest.mark.parametrize("text", ["one two  three", " lead and trail ", "", "word", "\n a\n"])
async def test_streamed_pieces_add_up(text: str) -> None:
    request = ChatRequest(f"fixed:{text}", TALK)
    *pieces, completion = [piece async for piece in PracticeAdapter(PRACTICE).stream(request, timeout_s=5.0)]
    assert "".join(pieces) == completion.text == text
    assert "" not in pieces
