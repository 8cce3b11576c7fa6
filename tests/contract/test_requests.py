"""Every vendor, over real HTTP: the request that arrives."""

from dataclasses import replace

import pytest

from llmops.providers.base import LOCAL_MODEL, ChatRequest, Message, Vendor
from tests.contract.conftest import KEY, REQUEST, Opened
from tests.contract.dialects import ANTHROPIC, COHERE, MODEL, OPENAI, OPENAI_COMPATIBLE, Dialect
from tests.contract.server import Received

pytestmark = pytest.mark.contract

CLOSED = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
OPEN = {"type": "object", "properties": {"city": {"type": "string"}}}
FULL = replace(REQUEST, temperature=0.2, max_tokens=40, top_p=0.9, stop=("END", "STOP"), seed=3, output_schema=CLOSED)
SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "How are you?"}


async def arrived(opened: Opened, dialect: Dialect, request: ChatRequest, **changes: object) -> Received:
    async with opened(dialect, dialect.answer("yes"), **changes) as (adapter, vendor):
        await adapter.complete(request, timeout_s=5.0)
    return vendor.received[0]


async def test_key_goes_into_the_authorization_header_alone(dialect: Dialect, opened: Opened) -> None:
    received = await arrived(opened, dialect, REQUEST)
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert KEY.encode() not in received.body and KEY not in received.path
    assert [name for name, value in received.headers.items() if KEY in value] == ["authorization"]
    assert received.headers["content-type"] == "application/json"


async def test_nothing_is_sent_that_was_not_asked_for(dialect: Dialect, opened: Opened) -> None:
    body = (await arrived(opened, dialect, REQUEST)).json
    assert body.pop("model") == MODEL
    if dialect is ANTHROPIC:
        assert body == {"system": "Be brief.", "messages": [USER], "max_tokens": 8192}
    elif dialect is COHERE:
        assert body == {"messages": [SYSTEM, USER], "stream": False}
    else:
        assert body == {"messages": [SYSTEM, USER]}


async def test_openai_full_request(opened: Opened) -> None:
    body = (await arrived(opened, OPENAI, FULL)).json
    assert body == {
        "model": MODEL,
        "messages": [SYSTEM, USER],
        "temperature": 0.2,
        "top_p": 0.9,
        "max_completion_tokens": 40,
        "stop": ["END", "STOP"],
        "seed": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": CLOSED, "strict": True},
        },
    }


async def test_other_servers_get_the_old_name_of_the_longest_answer(opened: Opened) -> None:
    body = (await arrived(opened, OPENAI_COMPATIBLE, FULL)).json
    assert body["max_tokens"] == 40 and "max_completion_tokens" not in body


async def test_open_schema_is_not_sent_as_strict(opened: Opened) -> None:
    body = (await arrived(opened, OPENAI, replace(REQUEST, output_schema=OPEN))).json
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": OPEN, "strict": False}


async def test_anthropic_full_request(opened: Opened) -> None:
    received = await arrived(opened, ANTHROPIC, FULL)
    assert received.json == {
        "model": MODEL,
        "system": "Be brief.",
        "messages": [USER],
        "max_tokens": 40,
        "temperature": 0.2,
        "top_p": 0.9,
        "stop_sequences": ["END", "STOP"],
        "output_config": {"format": {"type": "json_schema", "schema": CLOSED}},
    }
    assert received.headers["anthropic-version"] == "2023-06-01"


async def test_anthropic_uses_the_current_version_unless_sampling_is_set(opened: Opened) -> None:
    assert (await arrived(opened, ANTHROPIC, REQUEST)).headers["anthropic-version"] == "2026-10-21"
    sampled = await arrived(opened, ANTHROPIC, replace(REQUEST, extra={"top_k": 5}))
    assert sampled.headers["anthropic-version"] == "2023-06-01"


async def test_anthropic_system_messages_are_joined(opened: Opened) -> None:
    turns = (Message("system", "A"), Message("user", "1"), Message("assistant", "2"), Message("system", "B"))
    body = (await arrived(opened, ANTHROPIC, ChatRequest(MODEL, (*turns, Message("user", "3"))))).json
    assert body["system"] == "A\n\nB"
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]


async def test_cohere_full_request(opened: Opened) -> None:
    assert (await arrived(opened, COHERE, FULL)).json == {
        "model": MODEL,
        "messages": [SYSTEM, USER],
        "stream": False,
        "temperature": 0.2,
        "max_tokens": 40,
        "p": 0.9,
        "stop_sequences": ["END", "STOP"],
        "seed": 3,
        "response_format": {"type": "json_object", "json_schema": CLOSED},
    }


async def test_zero_is_sent(dialect: Dialect, opened: Opened) -> None:
    body = (await arrived(opened, dialect, replace(REQUEST, temperature=0.0, seed=0))).json
    assert body["temperature"] == 0.0
    assert dialect is ANTHROPIC or body["seed"] == 0


async def test_extra_parameters_win_over_ours(dialect: Dialect, opened: Opened) -> None:
    request = replace(REQUEST, temperature=0.2, extra={"temperature": 0.7, "metadata": {"user": "u"}})
    body = (await arrived(opened, dialect, request)).json
    assert (body["temperature"], body["metadata"]) == (0.7, {"user": "u"})


async def test_extra_none_takes_a_parameter_out(opened: Opened) -> None:
    request = replace(REQUEST, extra={"stream_options": None})
    async with opened(OPENAI_COMPATIBLE, OPENAI.stream(["yes"])) as (adapter, vendor):
        [piece async for piece in adapter.stream(request, timeout_s=5.0)]
    assert "stream_options" not in vendor.received[0].json


async def test_openai_streams_ask_for_usage(opened: Opened) -> None:
    async with opened(OPENAI, OPENAI.stream(["yes"])) as (adapter, vendor):
        [piece async for piece in adapter.stream(REQUEST, timeout_s=5.0)]
    assert vendor.received[0].json["stream_options"] == {"include_usage": True}


async def test_text_of_every_script_arrives_unchanged(dialect: Dialect, opened: Opened) -> None:
    text = 'Grüße ✓ 😀 日本語 \u0000 \u2028 “q” \\ " \r\n\t'
    received = await arrived(opened, dialect, ChatRequest(MODEL, (Message("user", text),)))
    assert received.json["messages"][-1]["content"] == text


@pytest.mark.parametrize("typed", ["", "/", "/v1", "/v1/"])
async def test_addresses_with_and_without_the_version(typed: str, opened: Opened) -> None:
    from llmops.providers.adapters import AdapterFactory
    from tests.contract.conftest import LOOPBACK, credential_for
    from tests.contract.server import FakeVendor

    for dialect in (ANTHROPIC, COHERE):
        async with FakeVendor(dialect.answer("yes")) as vendor:
            credential = credential_for(dialect, vendor.url, base_url=vendor.url + typed)
            async with AdapterFactory(LOOPBACK)(credential) as adapter:
                await adapter.complete(REQUEST, timeout_s=5.0)
        assert vendor.received[0].path == dialect.path


async def test_environment_of_the_server_does_not_leak_to_vendors(
    dialect: Dialect, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_ADMIN_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "CO_API_KEY",
    ):
        monkeypatch.setenv(name, "leaked-value")
    for name in (
        "OPENAI_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "CO_API_URL",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.setenv(name, "http://127.0.0.1:9/leaked-value")
    received = await arrived(opened, dialect, REQUEST)
    assert b"leaked-value" not in received.body
    assert "leaked-value" not in str(received.headers)


async def test_server_without_a_key_gets_no_real_one(opened: Opened) -> None:
    received = await arrived(opened, OPENAI_COMPATIBLE, REQUEST, api_key="")
    assert received.headers["authorization"] == "Bearer none"


async def test_local_model_speaks_the_openai_format(opened: Opened) -> None:
    received = await arrived(opened, OPENAI_COMPATIBLE, replace(FULL, model=LOCAL_MODEL), vendor=Vendor.LOCAL)
    assert received.path == "/v1/chat/completions"
    assert received.json["max_tokens"] == 40
