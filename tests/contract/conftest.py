from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

# The SDKs are imported before the first deadline runs: one takes up to two seconds on a busy machine.
import llmops.providers.anthropic
import llmops.providers.cohere
import llmops.providers.openai  # noqa: F401
from llmops.outbound import OutboundPolicy
from llmops.providers.adapters import AdapterFactory
from llmops.providers.base import Adapter, ChatRequest, Credential, Message
from tests.contract.dialects import ALL, MODEL, Dialect
from tests.contract.server import FakeVendor

# Unlike any vendor's keys, so that no pattern catches it by chance.
KEY = "canary.8d1f0b7c4e"
LOOPBACK = OutboundPolicy.from_text("127.0.0.1")
REQUEST = ChatRequest(MODEL, (Message("system", "Be brief."), Message("user", "How are you?")))


def credential_for(dialect: Dialect, url: str, **changes: Any) -> Credential:
    credential = Credential(7, "main", dialect.vendor, url + dialect.url_suffix, KEY, timeout_s=5.0)
    return replace(credential, **changes)


Opened = Callable[[Dialect, Any], AbstractAsyncContextManager[tuple[Adapter, FakeVendor]]]


@pytest.fixture
def opened() -> Opened:
    """`async with opened(dialect, script) as (adapter, vendor)`: a server, and an adapter that calls it."""

    @asynccontextmanager
    async def opened(dialect: Dialect, script: Any, **changes: Any) -> Any:
        async with FakeVendor(script) as vendor:
            credential = credential_for(dialect, vendor.url, **changes)
            async with AdapterFactory(LOOPBACK)(credential) as adapter:
                yield adapter, vendor

    return opened


@pytest.fixture(params=ALL, ids=lambda dialect: dialect.vendor.value)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return request.param
