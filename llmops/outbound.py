"""The only way out for addresses that people typed: model servers, web hooks, git, sign-in providers.

A name is resolved here, every address it stands for is judged, and the connection is made to exactly
the address that was judged, so a second DNS answer changes nothing. TLS still checks the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
import ssl
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import idna

MOST_HEADER_BYTES = 64 * 1024

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOW_TO_ALLOW = "If that is intended, the administrator can allow it with LLMOPS_ALLOW_PRIVATE_URLS."

# Where clouds hand out credentials to whoever asks from inside: refused even when everything is allowed.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
# IPv6 addresses that stand for an IPv4 address: where the lowest bit of that one is, counted from the right.
_IPV4_INSIDE: tuple[tuple[ipaddress.IPv6Network, int], ...] = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("2001::/32"), 0),
)
_NUMERIC_LABEL = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)
_NAME = re.compile(r"(?=.{1,254}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_USERINFO = re.compile(r"^(\s*(?:[a-z][a-z0-9+.-]*:/+|https?:|/+)?).*@", re.IGNORECASE | re.DOTALL)
_NOT_IN_A_URL = re.compile(r"[\s\\\x00-\x1f\x7f]")


class AddressRefused(Exception):
    """This address may not be called. The message is one or two plain sentences."""


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What is allowed beyond public addresses. `endpoints` are (host, port) pairs of our own processes."""

    everything: bool = False
    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    endpoints: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Reads LLMOPS_ALLOW_PRIVATE_URLS: empty or 0 = public addresses only; 1, true or all = every
        address except cloud metadata; else a comma list of host names, addresses and CIDR networks.
        Raises ValueError naming an entry that cannot be read."""
        entries = [entry.strip().lower() for entry in text.split(",") if entry.strip()]
        if entries in ([], ["0"], ["false"], ["no"]):
            return cls()
        everything = not {"1", "true", "yes", "all"}.isdisjoint(entries)
        named = [entry for entry in entries if entry not in {"1", "true", "yes", "all"}]
        networks = {entry: network for entry in named if (network := _network(entry)) is not None}
        hosts = frozenset(entry.rstrip(".") for entry in named if entry not in networks)
        for host in hosts:
            if not re.fullmatch(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?", host) or _ends_in_a_number(host):
                raise ValueError(f"“{host}” is neither a host name nor an address nor a network like 10.0.0.0/8")
        return cls(everything=everything, hosts=hosts, networks=tuple(networks.values()))

    def with_endpoint(self, url: str) -> OutboundPolicy:
        """The same policy, which also lets through exactly the host and port of `url`."""
        parts = urlsplit(url)
        endpoint = ((parts.hostname or "").lower(), _port(parts))
        return OutboundPolicy(self.everything, self.hosts, self.networks, self.endpoints | {endpoint})

    def names(self, host: str, port: int) -> bool:
        """True when this host is allowed whatever ordinary address it has."""
        plain = host.lower().rstrip(".")
        return self.everything or plain in self.hosts or (plain, port) in self.endpoints

    def lists(self, address: Address) -> bool:
        return any(address in network for network in self.networks if network.version == address.version)

    def lists_exactly(self, address: Address) -> bool:
        return any(address in network for network in self.networks if network.num_addresses == 1)


def without_userinfo(url: str) -> str:
    """The address without what stands before an @ in it: a name and a password, or a key. An address that cannot be
    read loses all up to its last @, because a password may hold any character.
    """
    try:
        parts = urlsplit(url.strip())
        readable = parts.scheme.lower() in ("http", "https") and parts.netloc != "" and _port(parts) > 0
    except ValueError:
        readable = False
    if readable and "@" not in parts.netloc:
        return url
    return _USERINFO.sub(r"\1", url)


def check_url(url: str, policy: OutboundPolicy) -> None:
    """Raises AddressRefused when this URL may not be called, as far as that shows without asking DNS:
    another scheme than http and https, odd spellings, and private addresses written out. What a name
    stands for is judged on connecting."""
    if without_userinfo(url) != url:
        raise AddressRefused("The address must not hold a user name or password. Put keys into the key field.")
    if _NOT_IN_A_URL.search(url.strip()):
        raise AddressRefused("The address has a space or another character that does not belong there.")
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", _port(parts)
    except ValueError:
        raise AddressRefused("The address cannot be read. Write it like https://example.com/v1.") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise AddressRefused("The address must start with https:// or http://.")
    if "[" in parts.netloc and _literal(host) is None:
        raise AddressRefused("What stands in brackets is no IPv6 address. Write it like http://[2606:4700::1]/v1.")
    check_host(host, port, policy)


def check_host(host: str, port: int, policy: OutboundPolicy) -> None:
    """As check_url, for a host and port. Raises AddressRefused."""
    address = _literal(host)
    if address is not None:
        check_address(address, host, port, policy)
        return
    plain = unicodedata.normalize("NFKC", host).replace("。", ".").lower().rstrip(".")
    if _ends_in_a_number(plain) or not _is_a_name(host):
        raise AddressRefused(f"The host “{host}” is written in an unusual way. Write its name or its plain address.")
    if (plain == "localhost" or plain.endswith(".localhost")) and not policy.names(plain, port):
        if not any(policy.lists(ipaddress.ip_address(loopback)) for loopback in ("127.0.0.1", "::1")):
            raise AddressRefused(_private(host))


def check_address(address: Address, host: str, port: int, policy: OutboundPolicy) -> None:
    """Raises AddressRefused unless `host` may be called at `address`."""
    inner = _ipv4_inside(address)
    for form in (address, inner):
        if form in _METADATA and not policy.lists_exactly(form):
            raise AddressRefused(
                f"“{host}” is an address where a cloud hands out its own credentials; it is never called."
            )
    if policy.names(host, port) or policy.lists(address):
        return
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    if inner is not None or site_local or not address.is_global or address.is_multicast or address.is_reserved:
        raise AddressRefused(_private(host))


async def resolve(host: str, port: int, policy: OutboundPolicy) -> list[str]:
    """The addresses to connect to, in the order of preference. Raises AddressRefused when any of them is
    not allowed, and OSError when the name is not known."""
    check_host(host, port, policy)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        check_address(ipaddress.ip_address(text), host, port, policy)
    return addresses


def httpx2_client(policy: OutboundPolicy, *, max_connections: int = 1000) -> Any:
    """An httpx2.AsyncClient behind the guard: no redirects, no proxies or passwords from the environment."""
    # Imported here: beat and most web pages never need it, and it takes a tenth of a second to load.
    import httpx2
    from httpx_aiohttp.httpx2 import AiohttpTransport

    return _client(httpx2, AiohttpTransport, policy, max_connections)


def httpx_client(policy: OutboundPolicy, *, max_connections: int = 1000) -> Any:
    """An httpx.AsyncClient behind the same guard, for libraries that are still on httpx."""
    # Imported here for the same reason as above.
    import httpx
    from httpx_aiohttp import AiohttpTransport

    return _client(httpx, AiohttpTransport, policy, max_connections)


def _client(httpx: Any, transport: Any, policy: OutboundPolicy, max_connections: int) -> Any:
    """A client of either library. aiohttp carries it: that takes half the processor's time of httpcore, and a third
    with 200 calls at a time."""
    _quiet()
    tls = _trusted(httpx.create_ssl_context)

    class Guarded(transport):  # one of two classes that differ in nothing but their library
        async def handle_async_request(self, request: Any) -> Any:
            # An address that is written out is not resolved, so it is judged here.
            check_host(request.url.host, _port(request.url), policy)
            return await super().handle_async_request(request)

    carried = Guarded(verify=tls, client=lambda: _session(policy, tls, max_connections))
    return httpx.AsyncClient(transport=carried, trust_env=False, follow_redirects=False)


def _session(policy: OutboundPolicy, tls: ssl.SSLContext, max_connections: int) -> Any:
    """A session of aiohttp that resolves and judges every host, and connects to nothing that was not judged."""
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

    judged: set[str] = set()

    class Resolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            addresses = await resolve(host, port, policy)
            judged.update(addresses)
            return [
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                    proto=socket.IPPROTO_TCP,
                    flags=socket.AI_NUMERICHOST,
                )
                for address in addresses
            ]

        async def close(self) -> None:
            pass

    def open_socket(found: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, (address, port, *_) = found
        if address not in judged:
            check_address(ipaddress.ip_address(address), address, port, policy)
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        resolver=Resolver(),
        socket_factory=open_socket,
        # Each connection asks anew, so that what is judged is what the name stands for now.
        use_dns_cache=False,
        ssl=tls,
        limit=max_connections,
        keepalive_timeout=30.0,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=MOST_HEADER_BYTES,
        max_field_size=MOST_HEADER_BYTES,
    )


@cache
def _trusted(create: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """One context for all clients: reading the certificates takes longer than a call."""
    return create()


def _quiet() -> None:
    """The HTTP libraries log every URL at INFO and every header of the answers at DEBUG."""
    for name in ("aiohttp", "httpcore", "httpcore2", "httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _private(host: str) -> str:
    return f"“{host}” is inside a private network, which is not called from here. {_HOW_TO_ALLOW}"


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme.lower() == "https" else 80)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_a_name(host: str) -> bool:
    """Whether a name server can be asked for it, spelled as it is: the HTTP clients mend no spelling and fail."""
    try:
        asked = host.lower() if host.isascii() else idna.encode(host.lower()).decode()
    except idna.IDNAError:
        return False
    return _NAME.fullmatch(asked) is not None


def _ends_in_a_number(host: str) -> bool:
    """What operating systems may take for an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1 (WHATWG URL)."""
    return _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


def _ipv4_inside(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    for network, shift in _IPV4_INSIDE:
        if address in network:
            bits = int(address) >> shift & 0xFFFFFFFF
            teredo = network.prefixlen == 32
            return ipaddress.IPv4Address(bits ^ 0xFFFFFFFF if teredo else bits)
    return None
