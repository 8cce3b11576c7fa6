"""From where a request comes, and with which browser, in words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# The first that is found counts: others name these as well.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "Mac"}
_SYSTEMS |= {"CrOS": "ChromeOS", "Linux": "Linux"}


def address_of(request: HttpRequest) -> str:
    """The visitor's address: what trusted proxies (LLMOPS_TRUSTED_PROXIES) say, else who connected. "" when unknown."""
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return visitor_address(request.META.get("REMOTE_ADDR", ""), hops, trusted=settings.TRUSTED_PROXIES)


def visitor_address(peer: str, hops: Sequence[str], *, trusted: Sequence[str]) -> str:
    """The last address that no trusted proxy has, going back from `peer` over `hops`, which each proxy appends to.

    What stands before it was written by the visitor, who can write anything.
    """
    networks = [ipaddress.ip_network(network) for network in trusted]
    found = _parsed(peer)
    for hop in reversed(hops):
        if found is None or not any(found in network for network in networks):
            break
        before = _parsed(hop)
        if before is None:
            break
        found = before
    return str(found or "")


def neighbourhood(address: str) -> str:
    """What one visitor has at their disposal: an IPv4 address, or the /64 that an IPv6 address lies in."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed or "")


def browser_words(agent: str) -> str:
    """ "Firefox on Linux", as well as can be told from what the browser says of itself."""
    browser = next((name for sign, name in _BROWSERS.items() if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS.items() if sign in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Unknown browser"


def _parsed(text: str) -> IPAddress | None:
    """An address, perhaps with a port behind it as some proxies write it."""
    text = text.strip()
    bracketed = re.fullmatch(r"\[(.+)\](?::\d+)?", text)
    if bracketed is not None:
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
