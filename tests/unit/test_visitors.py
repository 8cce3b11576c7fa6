"""Whose word on a visitor's address counts, and browsers in words."""

from __future__ import annotations

import pytest

from llmops.core.visitors import browser_words, neighbourhood, visitor_address

TRUSTED = ("127.0.0.0/8", "10.0.0.0/8", "::1/128")


@pytest.mark.parametrize(
    ("peer", "hops", "address"),
    [
        ("203.0.113.9", [""], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # not a proxy of ours: it may say what it likes
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", [" 198.51.100.1", " 10.1.2.3 "], "198.51.100.1"),  # two proxies of ours
        ("127.0.0.1", ["1.2.3.4", "198.51.100.1"], "198.51.100.1"),  # the visitor has made one up
        ("127.0.0.1", ["1.2.3.4", "198.51.100.1", "10.9.9.9"], "198.51.100.1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1", "nonsense"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("::ffff:127.0.0.1", ["198.51.100.1:5123"], "198.51.100.1"),
        ("::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_address_is_the_last_that_no_proxy_of_ours_has(peer: str, hops: list[str], address: str) -> None:
    assert visitor_address(peer, hops, trusted=TRUSTED) == address


def test_a_visitor_has_one_old_address_or_a_whole_net_of_new_ones() -> None:
    assert neighbourhood("198.51.100.1") == "198.51.100.1"
    assert neighbourhood("2001:db8::7") == neighbourhood("2001:db8::ffff:1") == "2001:db8::/64"
    assert neighbourhood("") == ""


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_in_words(agent: str, words: str) -> None:
    assert browser_words(agent) == words
