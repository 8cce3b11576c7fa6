"""Try it: one call with the text as it stands on the page, streamed or on a whole page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.urls import reverse

from llmops.core.choices import Role
from llmops.core.models import ModelCall, ModelPrice
from llmops.providers.base import Vendor
from prompts_app.models import Prompt
from tests.core.factories import Room, forget_calls, make_room, make_user, signed_in, signed_in_async
from tests.prompts_app.factories import make_prompt

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_client")]


@pytest.fixture
async def room() -> Room:
    await sync_to_async(forget_calls)()
    return await sync_to_async(make_room)()


@pytest.fixture
async def prompt(room: Room) -> Prompt:
    await sync_to_async(room.practice)()
    return await sync_to_async(make_prompt)(room.project)


@pytest.fixture
async def client(room: Room) -> AsyncClient:
    return await signed_in_async(room.admin)


def address(prompt: Prompt, name: str = "prompt-try") -> str:
    return reverse(f"prompts:{name}", args=[prompt.project.slug, prompt.name])


def typed(*messages: tuple[str, str], values: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    values = {"question": "Why?"} if values is None else values
    return {
        "role": [role for role, _ in messages] or ["user"],
        "content": [text for _, text in messages] or ["Say: {{question}}"],
        "variable": list(values),
        "value": list(values.values()),
        "base_version": 1,
        "started_from": 1,
        "connection": "Practice",
        "model": "echo",
        **fields,
    }


async def events(answer: Any) -> list[dict[str, str]]:
    """What a streamed answer says, event by event."""
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/event-stream"
    text = b"".join([piece async for piece in answer.streaming_content]).decode()
    return [json.loads(event.removeprefix("data: ")) for event in text.split("\n\n") if event]


async def ask(client: AsyncClient, prompt: Prompt, **changes: Any) -> list[dict[str, str]]:
    accept = {"Accept": "text/event-stream"}
    return await events(await client.post(address(prompt), typed(**changes), headers=accept))


async def test_unsaved_text_is_sent_and_the_answer_streams_in_pieces(
    client: AsyncClient, prompt: Prompt, room: Room
) -> None:
    found = await ask(client, prompt)
    pieces = [event["piece"] for event in found if "piece" in event]
    assert "".join(pieces) == "Say: Why?"
    assert len(pieces) > 1
    assert list(found[-1]) == ["facts"]
    assert found[-1]["facts"].endswith("3 tokens in, 3 out")
    assert await prompt.versions.acount() == 1, "nothing is saved"
    call = await ModelCall.objects.aget()
    assert (call.purpose, call.state, call.project_id) == ("try_it", "ok", room.project.pk)
    assert call.user_id == room.admin.pk


async def test_the_answer_is_not_kept_by_caches(client: AsyncClient, prompt: Prompt) -> None:
    answer = await client.post(address(prompt), typed(), headers={"Accept": "text/event-stream"})
    assert answer["Cache-Control"] == "no-store"
    await events(answer)


async def test_cost_is_said_when_the_price_is_known(client: AsyncClient, prompt: Prompt) -> None:
    await ModelPrice.objects.acreate(
        vendor=Vendor.PRACTICE, model="echo", input_usd_per_mtok=1000, output_usd_per_mtok=2000, source="test"
    )
    found = await ask(client, prompt)
    assert "$0.009" in found[-1]["facts"], "3 tokens in at $0.001 and 3 out at $0.002"


async def test_an_empty_variable_is_allowed_and_said(client: AsyncClient, prompt: Prompt) -> None:
    found = await ask(client, prompt, values={"question": "Why?", "name": " "})
    assert found[-1]["facts"].endswith("left empty: name")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model": "ekko"}, "The connection “Practice” does not know the model “ekko”."),
        ({"model": "flaky:100"}, "“Practice”"),
        ({"model": ""}, "Name a model first"),
        ({"connection": ""}, "Choose the connection that this model belongs to."),
        ({"connection": "", "model": ""}, "Choose a connection and a model first"),
        ({"connection": "gone"}, "There is no such connection any more."),
        ({"values": {}}, "No value was given for {{question}}."),
        ({"values": {"question": "  "}}, "Type something for “question” first."),
        ({"content": ["a {{ b"]}, "Line 1, column 3: These braces are not closed"),
        ({"role": ["system", "user"], "content": ["ok", "{{"]}, "Message 2. Line 1, column 1"),
        ({"content": [""]}, "Write at least one message."),
        ({"content": ["x" * 1_000_001]}, "at most 1,000,000 characters"),
        ({"content": ["{{question}}" * 20], "values": {"question": "x" * 600_000}}, "12,000,000 characters long"),
        ({"temperature": "9"}, "a number from 0 to 2"),
    ],
)
async def test_what_goes_wrong_is_one_sentence(
    client: AsyncClient, prompt: Prompt, fields: dict[str, Any], sentence: str
) -> None:
    found = await ask(client, prompt, **fields)
    assert [list(event) for event in found] == [["error"]]
    assert sentence in found[0]["error"]


async def test_values_are_put_in_as_they_are(client: AsyncClient, prompt: Prompt) -> None:
    found = await ask(client, prompt, values={"question": "{{other}} <b>\r\nnext"})
    assert "".join(event.get("piece", "") for event in found) == "Say: {{other}} <b>\nnext"


async def test_without_a_script_the_whole_page_comes_with_the_answer(client: AsyncClient, prompt: Prompt) -> None:
    answer = await client.post(address(prompt), typed(message="my note"))
    text = unescape(answer.content.decode())
    assert answer.context["tried"]["text"] == "Say: Why?"
    assert ">Say: Why?</div>" in text
    assert "tokens in" in text
    assert "my note" in text, "what was typed stays"
    assert 'Say: <mark class="is-filled">Why?</mark></pre>' in text, "what was sent"
    failed = await client.post(address(prompt), typed(model="ekko"))
    assert "does not know the model “ekko”" in unescape(failed.content.decode())
    assert (await client.get(address(prompt)))["Location"] == address(prompt, "prompt-detail")


async def test_what_is_sent_is_shown_before_it_is(client: AsyncClient, prompt: Prompt) -> None:
    answer = await client.post(
        address(prompt, "prompt-sent"), typed(("system", "Be <kind>."), ("user", "{{question}}"))
    )
    text = answer.content.decode()
    assert text.lstrip().startswith('<div id="prompt-sent">')
    assert "Be &lt;kind&gt;." in text
    assert '<mark class="is-filled">Why?</mark></pre>' in text
    empty = await client.post(address(prompt, "prompt-sent"), typed(("user", "{{question}} {{more}}")))
    assert "{{more}}" in empty.content.decode()
    assert "(not filled in)" in empty.content.decode()
    broken = await client.post(address(prompt, "prompt-sent"), typed(("user", "{{")))
    assert "These braces are not closed" in broken.content.decode()
    assert await ModelCall.objects.acount() == 0, "nothing was called"


async def test_closing_the_page_stops_the_call(client: AsyncClient, prompt: Prompt) -> None:
    answer = await client.post(address(prompt), typed(model="slow:60000"), headers={"Accept": "text/event-stream"})
    stream: AsyncIterator[bytes] = aiter(answer.streaming_content)
    reading = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(10):
        while not await ModelCall.objects.filter(state="in_flight").aexists():  # noqa: ASYNC110 - written by a thread
            await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await ModelCall.objects.aget()).state == "abandoned"


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.REVIEWER, 403), (Role.EDITOR, 200)])
async def test_trying_costs_money_so_readers_may_not(room: Room, prompt: Prompt, role: Role, status: int) -> None:
    user = await sync_to_async(make_user)()
    await sync_to_async(signed_in)(user, room.project, role)
    answer = await (await signed_in_async(user)).post(address(prompt), typed())
    assert answer.status_code == status
    assert await ModelCall.objects.acount() == (1 if status == 200 else 0)


async def test_strangers_and_signed_out_people_cannot_try(prompt: Prompt) -> None:
    stranger = await signed_in_async((await sync_to_async(make_room)()).admin)
    assert (await stranger.post(address(prompt), typed())).status_code == 404
    signed_out = await AsyncClient().post(address(prompt), typed())
    assert signed_out.status_code == 302
    assert await ModelCall.objects.acount() == 0


async def test_a_connection_of_another_project_is_not_called(client: AsyncClient, prompt: Prompt) -> None:
    other = await sync_to_async(make_room)()
    await sync_to_async(other.practice)(name="Theirs")
    found = await ask(client, prompt, connection="Theirs")
    assert "There is no such connection any more." in found[0]["error"]
    assert await ModelCall.objects.acount() == 0
