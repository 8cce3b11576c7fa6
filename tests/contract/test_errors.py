"""Every vendor, over real HTTP: what people read when a vendor says no."""

from dataclasses import replace

import pytest

from llmops.providers.base import CallErrorKind, ModelCallError, Vendor
from tests.contract.conftest import KEY, REQUEST, Opened, credential_for
from tests.contract.dialects import ANTHROPIC, COHERE, OPENAI, OPENAI_COMPATIBLE, Dialect, as_json
from tests.contract.server import Answer, FakeVendor

pytestmark = pytest.mark.contract

Kind = CallErrorKind


async def refusal_of(opened: Opened, dialect: Dialect, answer: Answer) -> ModelCallError:
    async with opened(dialect, answer) as (adapter, vendor):
        with pytest.raises(ModelCallError) as caught:
            await adapter.complete(REQUEST, timeout_s=5.0)
        assert len(vendor.received) == 1, "an SDK tried again behind our back"
    error = caught.value
    assert error.__context__ is None and error.__cause__ is None
    assert KEY not in error.message
    return error


async def test_wrong_key_says_what_to_do(dialect: Dialect, opened: Opened) -> None:
    said = f"Incorrect API key provided: {KEY}."
    error = await refusal_of(opened, dialect, dialect.failure(401, said, "authentication_error"))
    assert error.kind is Kind.WRONG_KEY
    assert error.message == "The key for the connection “main” was refused. Open Models and paste a new key."
    assert (error.retryable, error.status_code) == (False, 401)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, Kind.BAD_REQUEST, False),
        (403, Kind.WRONG_KEY, False),
        (404, Kind.UNREACHABLE, False),
        (405, Kind.UNREACHABLE, False),
        (408, Kind.TIMED_OUT, True),
        (409, Kind.VENDOR_DOWN, True),
        (413, Kind.TOO_LONG, False),
        (422, Kind.BAD_REQUEST, False),
        (429, Kind.RATE_LIMITED, True),
        (500, Kind.VENDOR_DOWN, True),
        (502, Kind.VENDOR_DOWN, True),
        (503, Kind.VENDOR_DOWN, True),
        (504, Kind.TIMED_OUT, True),
        (529, Kind.VENDOR_DOWN, True),
    ],
)
async def test_status_decides_when_the_words_do_not(
    dialect: Dialect, status: int, kind: CallErrorKind, retryable: bool, opened: Opened
) -> None:
    error = await refusal_of(opened, dialect, dialect.failure(status, "Something went wrong."))
    assert (error.kind, error.retryable, error.status_code) == (kind, retryable, status)
    assert error.message.endswith("It said: Something went wrong.")


async def test_retry_after_is_read(dialect: Dialect, opened: Opened) -> None:
    error = await refusal_of(opened, dialect, dialect.failure(429, "slow down", retry_after="7"))
    assert (error.kind, error.retry_after_s) == (Kind.RATE_LIMITED, 7.0)
    overloaded = await refusal_of(opened, dialect, dialect.failure(529, "Overloaded", retry_after="3"))
    assert overloaded.retry_after_s == 3.0


async def test_over_quota(dialect: Dialect, opened: Opened) -> None:
    error = await refusal_of(opened, dialect, dialect.over_quota)
    assert (error.kind, error.retryable) == (Kind.OVER_QUOTA, False)
    assert error.message.startswith("The account behind the connection “main” has no credit left.")


async def test_too_long(dialect: Dialect, opened: Opened) -> None:
    error = await refusal_of(opened, dialect, dialect.too_long)
    assert (error.kind, error.retryable) == (Kind.TOO_LONG, False)
    assert "Shorten the prompt or the case" in error.message


async def test_no_such_model(dialect: Dialect, opened: Opened) -> None:
    error = await refusal_of(opened, dialect, dialect.no_such_model)
    assert (error.kind, error.retryable) == (Kind.NO_SUCH_MODEL, False)
    assert "does not know the model “model-1”" in error.message


@pytest.mark.parametrize(
    ("dialect", "status", "body", "kind"),
    [
        (
            OPENAI,
            403,
            {
                "error": {
                    "message": "Project `p` does not have access to model `m`",
                    "code": "model_not_found",
                }
            },
            Kind.NO_SUCH_MODEL,
        ),
        (
            OPENAI,
            429,
            {
                "error": {
                    "message": "Request too large for gpt on tokens per min: Limit 30000, Requested 41000.",
                    "type": "tokens",
                    "code": "rate_limit_exceeded",
                }
            },
            Kind.TOO_LONG,
        ),
        (
            OPENAI,
            400,
            {"error": {"message": "The response was filtered", "code": "content_filter", "param": "prompt"}},
            Kind.CONTENT_REFUSED,
        ),
        (OPENAI_COMPATIBLE, 400, {"error": "not-a-model is not a valid model ID"}, Kind.NO_SUCH_MODEL),
        (OPENAI_COMPATIBLE, 400, {"error": {"message": "Model x does not exist"}}, Kind.NO_SUCH_MODEL),
        (
            OPENAI_COMPATIBLE,
            404,
            {"error": {"message": 'model "x" not found, try pulling it'}},
            Kind.NO_SUCH_MODEL,
        ),
        (OPENAI_COMPATIBLE, 404, {"detail": "Not Found"}, Kind.UNREACHABLE),
        (
            OPENAI_COMPATIBLE,
            200,
            {"error": {"message": "Provider returned error", "code": 429}},
            Kind.RATE_LIMITED,
        ),
        (
            OPENAI_COMPATIBLE,
            200,
            {"error": {"message": "Provider returned error", "code": 502}},
            Kind.VENDOR_DOWN,
        ),
        (
            OPENAI_COMPATIBLE,
            400,
            {
                "error": {
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
            Kind.TOO_LONG,
        ),
        (
            ANTHROPIC,
            400,
            ANTHROPIC.error("Output blocked by content filtering policy", "invalid_request_error"),
            Kind.CONTENT_REFUSED,
        ),
        (
            ANTHROPIC,
            429,
            {
                "type": "error",
                "error": {
                    "type": "rate_limit_error",
                    "message": "Limit reached.",
                    "details": {"error_code": "enforced_spend_limit_reached"},
                },
            },
            Kind.OVER_QUOTA,
        ),
        (ANTHROPIC, 402, ANTHROPIC.error("Payment needed.", "billing_error"), Kind.OVER_QUOTA),
        (
            ANTHROPIC,
            413,
            ANTHROPIC.error("Request exceeds the maximum size", "request_too_large"),
            Kind.TOO_LONG,
        ),
        (
            COHERE,
            429,
            {"message": "You are using a Trial key, which is limited to 1000 API calls / month."},
            Kind.OVER_QUOTA,
        ),
        (COHERE, 429, {"message": "Trial keys are limited to 20 API calls / minute."}, Kind.RATE_LIMITED),
        (COHERE, 499, {"message": "request cancelled"}, Kind.TIMED_OUT),
    ],
)
async def test_words_of_vendors(dialect: Dialect, status: int, body: dict, kind: CallErrorKind, opened: Opened) -> None:
    assert (await refusal_of(opened, dialect, Answer(status=status, body=as_json(body)))).kind is kind


@pytest.mark.parametrize(
    ("dialect", "body", "setting"),
    [
        (
            ANTHROPIC,
            ANTHROPIC.error("`temperature` is deprecated for this model.", "invalid_request_error"),
            "temperature",
        ),
        (
            OPENAI,
            {
                "error": {
                    "message": "Unsupported value: 'temperature' does not support 0 with this model.",
                    "param": "temperature",
                    "code": "unsupported_value",
                }
            },
            "temperature",
        ),
        (
            OPENAI,
            {"error": {"message": "max_tokens is too large: 100000.", "param": "max_completion_tokens"}},
            "max_tokens",
        ),
        (
            OPENAI,
            {"error": {"message": "Invalid schema for response_format 'answer'", "param": "response_format"}},
            "answer schema",
        ),
    ],
)
async def test_a_setting_that_the_model_does_not_take_is_named(
    dialect: Dialect, body: dict, setting: str, opened: Opened
) -> None:
    error = await refusal_of(opened, dialect, Answer(status=400, body=as_json(body)))
    assert error.kind is Kind.BAD_REQUEST
    assert f"does not accept the setting “{setting}”" in error.message


async def test_page_of_html_is_not_quoted(dialect: Dialect, opened: Opened) -> None:
    page = Answer(status=502, body=b"<html><body>Bad gateway</body></html>", headers={"content-type": "text/html"})
    error = await refusal_of(opened, dialect, page)
    assert error.kind is Kind.VENDOR_DOWN
    assert "html" not in error.message and "It said" not in error.message


async def test_redirects_are_not_followed(dialect: Dialect, opened: Opened) -> None:
    async with FakeVendor(dialect.answer("elsewhere")) as elsewhere:
        moved = Answer(status=307, headers={"location": elsewhere.url + dialect.path})
        error = await refusal_of(opened, dialect, moved)
        assert elsewhere.connections == 0
    assert (error.kind, error.retryable) == (Kind.UNREACHABLE, False)
    assert "forwards to another address" in error.message


async def test_nobody_listens(dialect: Dialect, opened: Opened) -> None:
    async with opened(dialect, dialect.answer("")) as (adapter, vendor):
        await vendor.__aexit__()
        with pytest.raises(ModelCallError) as caught:
            await adapter.complete(REQUEST, timeout_s=5.0)
    assert (caught.value.kind, caught.value.retryable) == (Kind.UNREACHABLE, True)
    assert caught.value.message == (
        "The connection “main” could not be reached. Check its address under Models, and that the server is running."
    )


@pytest.mark.parametrize("status", [401, 429, 500, 529])
async def test_streams_fail_with_the_same_words(dialect: Dialect, status: int, opened: Opened) -> None:
    answer = dialect.failure(status, "Something went wrong.", retry_after="2")
    async with opened(dialect, answer) as (adapter, _):
        with pytest.raises(ModelCallError) as whole:
            await adapter.complete(REQUEST, timeout_s=5.0)
        with pytest.raises(ModelCallError) as streamed:
            [piece async for piece in adapter.stream(REQUEST, timeout_s=5.0)]
    for name in ("kind", "message", "retryable", "retry_after_s", "status_code"):
        assert getattr(whole.value, name) == getattr(streamed.value, name)


@pytest.mark.parametrize("key", ["", " sk-1234567", "sk-1234567\n", "sk-12\r\nX-Evil: 1", "schlüssel"])
async def test_keys_that_cannot_be_sent_are_refused_before_anything_leaves(dialect: Dialect, key: str) -> None:
    from llmops.providers.adapters import AdapterFactory
    from tests.contract.conftest import LOOPBACK

    credential = credential_for(dialect, "http://127.0.0.1:1", api_key=key)
    if not key and dialect is OPENAI_COMPATIBLE:
        AdapterFactory(LOOPBACK)(credential)
        return
    with pytest.raises(ModelCallError) as caught:
        AdapterFactory(LOOPBACK)(credential)
    assert caught.value.kind is Kind.WRONG_KEY
    assert "Open Models and paste" in caught.value.message


@pytest.mark.parametrize("streaming", [False, True])
async def test_local_model_under_another_name_is_not_asked(streaming: bool, opened: Opened) -> None:
    """Its server would answer all the same, so that a misspelt name would never come to light."""
    async with opened(OPENAI_COMPATIBLE, OPENAI_COMPATIBLE.answer("hello"), vendor=Vendor.LOCAL) as (adapter, vendor):
        with pytest.raises(ModelCallError, match="does not know the model “smollm3”") as caught:
            if streaming:
                _ = [piece async for piece in adapter.stream(replace(REQUEST, model="smollm3"), timeout_s=5.0)]
            else:
                await adapter.complete(replace(REQUEST, model="smollm3"), timeout_s=5.0)
        assert vendor.connections == 0
    assert (caught.value.kind, caught.value.retryable) == (Kind.NO_SUCH_MODEL, False)
