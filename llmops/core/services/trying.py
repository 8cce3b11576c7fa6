"""Calling a model once: the test of a connection, and Try it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

from asgiref.sync import sync_to_async

from llmops.core.encryption import KeyLost
from llmops.core.models import Connection, User
from llmops.core.services.connections import (
    connection_test_record,
    credential_for,
    outbound_policy,
)
from llmops.core.services.ledger import DirectLedger
from llmops.core.services.limiter import open_limiter
from llmops.core.services.prices import price_for
from llmops.providers.base import (
    LOCAL_MODEL,
    CallErrorKind,
    ChatRequest,
    Credential,
    Message,
    ModelCallError,
    Vendor,
)
from llmops.providers.gateway import CallContext, CallPurpose, Gateway, Reply

TEST_MODELS = {
    Vendor.OPENAI: "gpt-4o-mini",
    Vendor.ANTHROPIC: "claude-haiku-4-5",
    Vendor.COHERE: "command-r7b-12-2024",
    Vendor.LOCAL: LOCAL_MODEL,
    Vendor.PRACTICE: "echo",
}
"""What is asked when a connection names no model of its own: small and cheap ones."""


class Tried(NamedTuple):
    """How a tiny call went, in words; `kind` is that of the error, empty when there was none."""

    ok: bool
    message: str
    latency_ms: int | None
    kind: str = ""


async def connection_try(connection: Connection, *, user: User | None = None) -> Tried:
    """Make one tiny call, write it to the ledger, and keep how it went beside the connection."""
    model = connection.default_model or TEST_MODELS.get(Vendor(connection.vendor), "")
    tried = await _try_model(connection, model, user) if model else _NO_MODEL
    await sync_to_async(connection_test_record)(connection, problem="" if tried.ok else tried.message)
    return tried


_NO_MODEL = Tried(
    False,
    "Name a model for this connection, so that there is something to call.",
    None,
    CallErrorKind.NO_SUCH_MODEL,
)


async def _try_model(connection: Connection, model: str, user: User | None) -> Tried:
    request = ChatRequest(model=model, messages=(Message("user", "Say hello."),), max_tokens=16)
    context = CallContext(connection.project_id, CallPurpose.CONNECTION_TEST, user_id=user.pk if user else None)
    try:
        async with open_gateway(connection, model) as (gateway, credential):
            reply = await gateway.complete(credential, request, context, deadline_s=30, max_attempts=1)
        return Tried(True, f"“{model}” answered in {_seconds(reply.latency_ms)}.", reply.latency_ms)
    except KeyLost as lost:
        return Tried(False, str(lost), None, CallErrorKind.WRONG_KEY)
    except ModelCallError as error:
        return Tried(False, error.message, None, error.kind)


def _seconds(latency_ms: int) -> str:
    return f"{latency_ms} ms" if latency_ms < 950 else f"{latency_ms / 1000:.1f} s"


@asynccontextmanager
async def open_gateway(connection: Connection, model: str) -> AsyncIterator[tuple[Gateway, Credential]]:
    """A gateway for single calls to one model of a connection. Raises KeyLost."""
    credential = await sync_to_async(credential_for)(connection)
    price = await sync_to_async(price_for)(vendor=Vendor(connection.vendor), model=model)
    async with open_limiter() as limiter:
        gateway = Gateway(
            ledger=DirectLedger(),
            limiter=limiter,
            price_of=lambda _credential, _model: price,
            outbound=outbound_policy(),
        )
        async with gateway:
            yield gateway, credential


async def stream_once(
    connection: Connection, request: ChatRequest, context: CallContext
) -> AsyncGenerator[str | Reply, None]:
    """Pieces of an answer as they come, then the Reply. Raises ModelCallError, KeyLost."""
    async with (
        open_gateway(connection, request.model) as (gateway, credential),
        aclosing(gateway.stream(credential, request, context)) as pieces,
    ):
        async for piece in pieces:
            yield piece
