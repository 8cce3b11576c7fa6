"""What all adapters that speak HTTP share: one shape of a call, and no exception but ModelCallError."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from llmops.outbound import AddressRefused
from llmops.providers.base import CallErrorKind, ChatRequest, Completion, Credential, ModelCallError
from llmops.providers.faults import fault

_LONGEST_CONNECT_S = 10.0
_CUT_OFF = "The answer was cut off or is not JSON."


class WireAdapter(ABC):
    """An adapter over a vendor's SDK. Vendors say how to ask, and how to read answers and errors."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def complete(self, request: ChatRequest, *, timeout_s: float, attempt: int = 1) -> Completion:
        try:
            return await self.ask(request, timeout_s)
        except Exception as error:
            failure = self._typed(error, request)
        # Raised outside the handler: the SDK's exception holds the request with the key in its headers,
        # and must not travel along as context.
        raise failure

    async def stream(
        self, request: ChatRequest, *, timeout_s: float, attempt: int = 1
    ) -> AsyncGenerator[str | Completion, None]:
        failure: ModelCallError | None = None
        async with aclosing(self.ask_stream(request, timeout_s)) as pieces:
            while failure is None:
                try:
                    piece = await anext(pieces, None)
                except Exception as error:
                    failure = self._typed(error, request)
                else:
                    if piece is None:
                        return
                    yield piece
        raise failure

    @abstractmethod
    async def ask(self, request: ChatRequest, timeout_s: float) -> Completion:
        """One call. May raise whatever the SDK raises."""

    @abstractmethod
    def ask_stream(self, request: ChatRequest, timeout_s: float) -> AsyncGenerator[str | Completion, None]:
        """One streaming call: pieces of text, then the Completion. May raise whatever the SDK raises."""

    @abstractmethod
    def fault_of(self, error: Exception, request: ChatRequest) -> ModelCallError | None:
        """The typed form of an error of this vendor's SDK; None for one that is not the SDK's own."""

    @abstractmethod
    async def close(self) -> None: ...

    def broken(self, detail: str) -> ModelCallError:
        """An answer that is not what the vendor's documentation promises."""
        return fault(CallErrorKind.BAD_ANSWER, self.credential, detail=detail, status_code=200)

    def json_of(self, response: Any) -> Any:
        """The body of a response that has been read. Raises bad_answer when it is no JSON."""
        body: Any = None
        try:
            body = response.json()
        except ValueError:
            cut_off = True
        else:
            cut_off = False
        if cut_off:
            raise self.broken(_CUT_OFF)
        return body

    def _typed(self, error: Exception, request: ChatRequest) -> ModelCallError:
        if isinstance(error, ModelCallError):
            return error
        return self.fault_of(error, request) or transport_fault(self.credential, error)


def transport_fault(credential: Credential, error: BaseException) -> ModelCallError:
    """The typed form of an error below HTTP, told by the names of httpx and httpx2, which are the same."""
    chain = list(_causes(error))
    refused = next((cause for cause in chain if isinstance(cause, AddressRefused)), None)
    if refused is not None:
        return fault(CallErrorKind.PRIVATE_ADDRESS, credential, message=str(refused))
    names = {base.__name__ for cause in chain for base in type(cause).__mro__}
    # aiohttp carries the calls; what breaks while a connection is in use arrives as a timeout of connecting.
    if "ServerDisconnectedError" in names or ("ClientOSError" in names and "ClientConnectorError" not in names):
        names = {"NetworkError"}
    if names & {"ConnectError", "ConnectTimeout", "ConnectionTimeoutError"}:
        return _not_connected(credential, chain)
    if "TimeoutException" in names or "TimeoutError" in names:
        return fault(CallErrorKind.TIMED_OUT, credential)
    if names & {"UnsupportedProtocol", "InvalidURL"}:
        return fault(CallErrorKind.UNREACHABLE, credential, retryable=False)
    if names & {"NetworkError", "RemoteProtocolError", "ClientResponseError"}:
        return fault(
            CallErrorKind.BAD_ANSWER,
            credential,
            detail="The connection broke off before the answer was complete.",
        )
    return fault(CallErrorKind.BAD_ANSWER, credential, detail=_what_was_wrong(error))


def connect_timeout_s(timeout_s: float) -> float:
    """A server that is there accepts a connection soon, however long it thinks about the answer."""
    return min(_LONGEST_CONNECT_S, timeout_s)


def without_removed(payload: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with the vendor's own parameters put over ours; None takes one of ours out."""
    merged = {**payload, **extra}
    return {name: value for name, value in merged.items() if value is not None}


def check_key(credential: Credential, *, needed: bool) -> None:
    """Raises wrong_key for a key that cannot be sent in a header, which the HTTP client would print."""
    key = credential.api_key
    if not key and needed:
        raise fault(
            CallErrorKind.WRONG_KEY,
            credential,
            message=f"The connection “{credential.name}” has no key. Open Models and paste one.",
        )
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise fault(
            CallErrorKind.WRONG_KEY,
            credential,
            message=(
                f"The key for the connection “{credential.name}” holds characters that keys do not have, "
                "such as a line break. Open Models and paste it again."
            ),
        )


def count(value: Any) -> int | None:
    """A number of tokens as vendors send it, or None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)


def _not_connected(credential: Credential, chain: list[BaseException]) -> ModelCallError:
    text = " ".join(str(cause) for cause in chain)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return fault(
            CallErrorKind.UNREACHABLE,
            credential,
            message=(
                f"The certificate of the connection “{credential.name}” is not trusted on this machine. "
                "Check the address under Models, or have the certificate authority added."
            ),
            retryable=False,
        )
    return fault(CallErrorKind.UNREACHABLE, credential)


def _what_was_wrong(error: BaseException) -> str:
    if isinstance(error, ValueError):
        return _CUT_OFF
    return f"The answer has an unexpected form ({type(error).__name__})."


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
