"""Every vendor, over real HTTP: what is read out of answers and streams."""

import asyncio

import pytest

from llmops.providers.base import CallErrorKind, Completion, ModelCallError, Usage, Vendor
from tests.contract.conftest import REQUEST, Opened
from tests.contract.dialects import ALL, ANTHROPIC, COHERE, OPENAI, OPENAI_COMPATIBLE, Dialect, as_json
from tests.contract.server import Answer

pytestmark = pytest.mark.contract

TEXT = "Grüße, naïve “café” ✓ 😀 日本語\nline two"


async def read_stream(adapter, timeout_s: float = 5.0) -> list[str | Completion]:
    return [piece async for piece in adapter.stream(REQUEST, timeout_s=timeout_s)]


async def failure(adapter, *, stream: bool = False, timeout_s: float = 5.0) -> ModelCallError:
    with pytest.raises(ModelCallError) as caught:
        if stream:
            await read_stream(adapter, timeout_s)
        else:
            await adapter.complete(REQUEST, timeout_s=timeout_s)
    return caught.value


async def test_answer_is_read_with_usage_and_ids(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, dialect.answer(TEXT)) as (adapter, vendor):
        answer = await adapter.complete(REQUEST, timeout_s=5.0)
    assert answer.text == TEXT
    assert answer.finish_reason == "stop"
    assert answer.usage == Usage(input_tokens=12, output_tokens=5, cached_input_tokens=4)
    assert answer.response_id in {"chatcmpl-9", "msg_9", "c-9"}
    assert answer.model == ("model-1" if dialect is COHERE else "model-1-2026-01-01")
    assert [received.path for received in vendor.received] == [dialect.path]


async def test_stream_gives_pieces_then_one_completion(dialect: Dialect, opened: Opened) -> None:
    pieces = ["Grü", "ße, ", "😀 日本", "語"]
    async with opened(dialect, dialect.stream(pieces)) as (adapter, vendor):
        *texts, completion = await read_stream(adapter)
    assert texts == pieces
    assert isinstance(completion, Completion)
    assert completion.text == "".join(pieces)
    assert completion.finish_reason == "stop"
    assert completion.usage is not None
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (12, 5)
    assert vendor.received[0].json["stream"] is True


async def test_stream_is_read_whatever_way_the_network_cuts_it(dialect: Dialect, opened: Opened) -> None:
    whole = b"".join(dialect.events(["Grü", "ße 😀"]))
    script = Answer(pieces=[whole[start : start + 3] for start in range(0, len(whole), 3)])
    async with opened(dialect, script) as (adapter, _):
        *texts, completion = await read_stream(adapter)
    assert "".join(texts) == completion.text == "Grüße 😀"


async def test_empty_answer_is_an_answer(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, dialect.answer("")) as (adapter, _):
        answer = await adapter.complete(REQUEST, timeout_s=5.0)
    assert (answer.text, answer.finish_reason) == ("", "stop")


async def test_missing_usage_is_unknown_and_not_zero(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, dialect.answer("yes", usage=False)) as (adapter, _):
        assert (await adapter.complete(REQUEST, timeout_s=5.0)).usage is None
    async with opened(dialect, dialect.stream(["yes"], usage=False)) as (adapter, _):
        assert (await read_stream(adapter))[-1].usage is None


@pytest.mark.parametrize(
    ("dialect", "reason", "expected"),
    [
        (OPENAI, "length", "length"),
        (OPENAI, "tool_calls", "tool_call"),
        (OPENAI, "content_filter", "content_filter"),
        (OPENAI, "something_new", "other"),
        (ANTHROPIC, "stop_sequence", "stop"),
        (ANTHROPIC, "max_tokens", "length"),
        (ANTHROPIC, "model_context_window_exceeded", "length"),
        (ANTHROPIC, "tool_use", "tool_call"),
        (ANTHROPIC, "refusal", "content_filter"),
        (ANTHROPIC, "pause_turn", "other"),
        (COHERE, "STOP_SEQUENCE", "stop"),
        (COHERE, "MAX_TOKENS", "length"),
        (COHERE, "TOOL_CALL", "tool_call"),
    ],
)
async def test_finish_reasons_have_one_vocabulary(dialect: Dialect, reason: str, expected: str, opened: Opened) -> None:
    async with opened(dialect, dialect.answer("part", reason=reason)) as (adapter, _):
        assert (await adapter.complete(REQUEST, timeout_s=5.0)).finish_reason == expected
    async with opened(dialect, dialect.stream(["part"], reason=reason)) as (adapter, _):
        assert (await read_stream(adapter))[-1].finish_reason == expected


async def test_refused_content_is_an_error_with_the_tokens_that_were_paid(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, dialect.refused) as (adapter, _):
        error = await failure(adapter)
    assert error.kind is CallErrorKind.CONTENT_REFUSED
    assert not error.retryable
    assert error.usage == (None if dialect is COHERE else Usage(12, 5, 4))


async def test_truncated_json(dialect: Dialect, opened: Opened) -> None:
    whole = dialect.answer("The whole answer.").body
    async with opened(dialect, Answer(body=whole[:-25])) as (adapter, _):
        error = await failure(adapter)
    assert (error.kind, error.retryable, error.status_code) == (CallErrorKind.BAD_ANSWER, True, 200)
    assert "cut off" in error.message


async def test_reset_in_the_middle_of_the_body(dialect: Dialect, opened: Opened) -> None:
    body = dialect.answer("The whole answer.").body
    async with opened(dialect, Answer(body=body, cut_after=len(body) // 2)) as (adapter, _):
        error = await failure(adapter)
    assert (error.kind, error.retryable) == (CallErrorKind.BAD_ANSWER, True)
    assert "broke off" in error.message


async def test_reset_in_the_middle_of_a_stream(dialect: Dialect, opened: Opened) -> None:
    events = dialect.events(["one ", "two ", "three"])
    gone_at = len(b"".join(events)) - len(events[-1]) - len(events[-2]) - 10
    async with opened(dialect, Answer(pieces=events, cut_after=gone_at)) as (adapter, _):
        seen = []
        with pytest.raises(ModelCallError) as caught:
            async for piece in adapter.stream(REQUEST, timeout_s=5.0):
                seen.append(piece)
    assert seen[0] == "one "
    assert not any(isinstance(piece, Completion) for piece in seen)
    assert caught.value.kind is CallErrorKind.BAD_ANSWER


async def test_stream_without_an_end_is_broken(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, dialect.stream(["half"], reason=None)) as (adapter, _):
        error = await failure(adapter, stream=True)
    assert error.kind is CallErrorKind.BAD_ANSWER
    assert "before it was complete" in error.message


@pytest.mark.parametrize("stream", [False, True])
async def test_error_body_with_status_200(dialect: Dialect, stream: bool, opened: Opened) -> None:
    body = as_json(dialect.error("Overloaded, come back later", "overloaded_error"))
    async with opened(dialect, Answer(body=body)) as (adapter, _):
        error = await failure(adapter, stream=stream)
    told = dialect is not COHERE
    assert error.kind is (CallErrorKind.VENDOR_DOWN if told else CallErrorKind.BAD_ANSWER)
    assert error.retryable
    assert ("Overloaded, come back later" in error.message) is told


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC])
async def test_error_in_the_middle_of_a_stream(dialect: Dialect, opened: Opened) -> None:
    broken = b"event: error\ndata: " + as_json(dialect.error("Overloaded", "overloaded_error")) + b"\n\n"
    events = [*dialect.events(["one "], reason=None, usage=False)[:-1], broken]
    async with opened(dialect, Answer(pieces=events)) as (adapter, _):
        error = await failure(adapter, stream=True)
    assert (error.kind, error.retryable) == (CallErrorKind.VENDOR_DOWN, True)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"yes"', b"{}", b"<html>hello</html>", b"", b"\xff\xfe"])
async def test_any_other_body_is_a_bad_answer(dialect: Dialect, body: bytes, opened: Opened) -> None:
    async with opened(dialect, Answer(body=body)) as (adapter, _):
        assert (await failure(adapter)).kind is CallErrorKind.BAD_ANSWER


@pytest.mark.parametrize("choices", [[], None, "x", [None], [{}], [{"message": None}], [{"message": "hello"}]])
async def test_answers_without_a_message(choices: object, opened: Opened) -> None:
    body = as_json({"id": "x", "choices": choices, "usage": {"prompt_tokens": None}})
    async with opened(OPENAI_COMPATIBLE, Answer(body=body)) as (adapter, _):
        assert (await failure(adapter)).kind is CallErrorKind.BAD_ANSWER


async def test_server_that_answers_a_stream_request_in_one_piece(opened: Opened) -> None:
    async with opened(OPENAI_COMPATIBLE, OPENAI.answer("All at once.")) as (adapter, _):
        pieces = await read_stream(adapter)
    assert [piece.text for piece in pieces] == ["All at once."]


async def test_content_in_parts_is_joined(opened: Opened) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    async with opened(OPENAI_COMPATIBLE, OPENAI.answer(parts)) as (adapter, _):
        assert (await adapter.complete(REQUEST, timeout_s=5.0)).text == "ab"


async def test_thinking_is_not_part_of_the_answer(opened: Opened) -> None:
    body = ANTHROPIC.whole("Blue.")
    body["content"].insert(0, {"type": "thinking", "thinking": "The sky…", "signature": "s"})
    async with opened(ANTHROPIC, Answer(body=as_json(body))) as (adapter, _):
        assert (await adapter.complete(REQUEST, timeout_s=5.0)).text == "Blue."


async def test_silent_server_times_out(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, Answer(hang=True)) as (adapter, vendor):
        error = await failure(adapter, timeout_s=0.05)
        await asyncio.wait_for(vendor.disconnected.wait(), 5)
    assert (error.kind, error.retryable) == (CallErrorKind.TIMED_OUT, True)
    assert len(vendor.received) == 1


async def test_leaving_a_stream_early_hangs_up(dialect: Dialect, opened: Opened) -> None:
    script = Answer(pieces=dialect.events(["one", "two"]), gate=asyncio.Event())
    first = b"".join(dialect.events(["one", "two"])[:4])
    script.pieces = [first, *dialect.events(["one", "two"])[4:]]
    async with opened(dialect, script) as (adapter, vendor):
        stream = adapter.stream(REQUEST, timeout_s=5.0)
        assert await anext(stream) == "one"
        await stream.aclose()
        await asyncio.wait_for(vendor.disconnected.wait(), 5)


async def test_connection_that_the_server_has_closed_is_not_used_again(dialect: Dialect, opened: Opened) -> None:
    answer = dialect.answer("yes")
    answer.hang_up = True
    async with opened(dialect, answer) as (adapter, vendor):
        for _ in range(3):
            await adapter.complete(REQUEST, timeout_s=5.0)
            await asyncio.wait_for(vendor.closed.acquire(), 5)
    assert (len(vendor.received), vendor.connections) == (3, 3)


async def test_one_connection_carries_many_calls(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, dialect.answer("yes")) as (adapter, vendor):
        for _ in range(3):
            await adapter.complete(REQUEST, timeout_s=5.0)
    assert (len(vendor.received), vendor.connections) == (3, 1)


def test_every_vendor_on_the_network_has_a_dialect() -> None:
    assert {dialect.vendor for dialect in ALL} == set(Vendor) - {Vendor.LOCAL, Vendor.PRACTICE}
