"""Which adapter serves which vendor, and one open client per connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from llmops.outbound import AddressRefused, OutboundPolicy, check_url
from llmops.providers.base import Adapter, CallErrorKind, Credential, Vendor
from llmops.providers.fake import PracticeAdapter
from llmops.providers.faults import fault

OpenAdapter = Callable[[Credential], Adapter]


class AdapterFactory:
    """Makes adapters whose calls leave through the guard of llmops.outbound."""

    def __init__(self, policy: OutboundPolicy) -> None:
        self._policy = policy

    def __call__(self, credential: Credential) -> Adapter:
        """The adapter of this connection, not yet entered. Raises ModelCallError when the key or the
        address cannot be used at all."""
        # Imported here: an SDK takes up to two seconds and 70 MB, and most processes need one or none.
        match credential.vendor:
            case Vendor.PRACTICE:
                return PracticeAdapter(credential)
            case Vendor.ANTHROPIC:
                from llmops.providers.anthropic import AnthropicAdapter

                return AnthropicAdapter(credential, self._checked(credential))
            case Vendor.COHERE:
                from llmops.providers.cohere import CohereAdapter

                return CohereAdapter(credential, self._checked(credential))
            case Vendor.OPENAI | Vendor.OPENAI_COMPATIBLE | Vendor.LOCAL:
                from llmops.providers.openai import OpenAIAdapter

                return OpenAIAdapter(credential, self._checked(credential))

    def _checked(self, credential: Credential) -> OutboundPolicy:
        """The policy for this connection. The address of the local model is our own, not a typed one."""
        url = credential.base_url
        policy = self._policy.with_endpoint(url) if credential.vendor is Vendor.LOCAL else self._policy
        if not url and credential.vendor in (Vendor.OPENAI_COMPATIBLE, Vendor.LOCAL):
            raise fault(CallErrorKind.UNREACHABLE, credential, retryable=False)
        if url:
            try:
                check_url(url, policy)
            except AddressRefused as refused:
                message = str(refused)
            else:
                return policy
            raise fault(CallErrorKind.PRIVATE_ADDRESS, credential, message=message)
        return policy


class AdapterPool:
    """Open adapters of one event loop, one per connection. When the key or the address of a connection
    changes, the next call opens a new one and the old one is closed after its last call."""

    def __init__(self, open_adapter: OpenAdapter) -> None:
        self._open_adapter = open_adapter
        self._current: dict[int, SharedAdapter] = {}
        self._opening = asyncio.Lock()

    async def take(self, credential: Credential) -> SharedAdapter:
        """The adapter of this connection; give_back() it after the call."""
        shared = self._current.get(credential.connection_id)
        if shared is None or shared.credential != credential:
            async with self._opening:
                shared = await self._opened(credential)
        shared.users += 1
        return shared

    async def close(self) -> None:
        """Closes all clients; calls that are still under way fail."""
        shared_adapters = list(self._current.values())
        self._current.clear()
        for shared in shared_adapters:
            await shared.adapter.__aexit__(None, None, None)

    async def _opened(self, credential: Credential) -> SharedAdapter:
        old = self._current.get(credential.connection_id)
        if old is not None and old.credential == credential:
            return old
        # In a thread, since opening the first adapter of a vendor imports its SDK, which holds up everything.
        adapter = await asyncio.to_thread(self._open_adapter, credential)
        new = SharedAdapter(credential, await adapter.__aenter__())
        self._current[credential.connection_id] = new
        if old is not None:
            await old.retire()
        return new


class SharedAdapter:
    """An open adapter and the number of calls that use it."""

    def __init__(self, credential: Credential, adapter: Adapter) -> None:
        self.credential = credential
        self.adapter = adapter
        self.users = 0
        self._retired = False

    async def give_back(self) -> None:
        self.users -= 1
        await self._close_when_unused()

    async def retire(self) -> None:
        self._retired = True
        await self._close_when_unused()

    async def _close_when_unused(self) -> None:
        if self._retired and self.users == 0:
            await self.adapter.__aexit__(None, None, None)
