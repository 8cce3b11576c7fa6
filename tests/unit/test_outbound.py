"""Which addresses may be called, decided without a network (RELIABILITY R35)."""

import ipaddress

import pytest

from llmops.outbound import AddressRefused, OutboundPolicy, check_address, check_url, without_userinfo

PUBLIC_ONLY = OutboundPolicy.from_text("")
EVERYTHING = OutboundPolicy.from_text("all")

PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "0.0.0.0",  # noqa: S104 - one to be refused
    "0.1.2.3",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::200e"]
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::",
]


def url_of(address: str) -> str:
    return f"http://[{address}]/v1" if ":" in address else f"http://{address}/v1"


@pytest.mark.parametrize("address", PRIVATE + METADATA)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url_of(address), PUBLIC_ONLY)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    check_url(url_of(address), PUBLIC_ONLY)
    check_url(url_of(address), OutboundPolicy.from_text("10.0.0.0/8"))


@pytest.mark.parametrize("address", PRIVATE)
def test_everything_may_be_allowed(address: str) -> None:
    check_url(url_of(address), EVERYTHING)


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("text", ["all", "1", "true", "169.254.0.0/16, fd00::/8, 64:ff9b::/96, ::/0", "metadata.host"])
def test_cloud_metadata_stays_refused(address: str, text: str) -> None:
    policy = OutboundPolicy.from_text(text)
    with pytest.raises(AddressRefused, match="credentials"):
        check_address(ipaddress.ip_address(address), "metadata.host", 80, policy)


def test_cloud_metadata_may_be_listed_by_its_address() -> None:
    check_url("http://169.254.169.254/latest", OutboundPolicy.from_text("169.254.169.254"))
    check_url("http://[fd00:ec2::254]/latest", OutboundPolicy.from_text("all, fd00:ec2::254"))


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://127.0.0.0x1/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://127%2e0.0.1/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://api.localhost:8000/",
        "http://ⓛocalhost/",
        "http://loc\u00adalhost/",
        "http://ｅxample.com/",
        "http://💩.example/",
        "http://a\u200db.example/",
        "http://a..example/",
        "http://.example.com/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 127}example/",
        "http://ex|ample.com/",
        "http://*.example.com/",
        "http://[v1.x]/",
        "http:///v1",
        "http://",
        "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com\n.evil/",
        "http://user:secret@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ftp://example.com/",
        "unix:///var/run/docker.sock",
        "javascript:alert(1)",
        "//example.com/v1",
        "example.com/v1",
        "",
    ],
)
def test_odd_spellings_and_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        check_url(url, PUBLIC_ONLY)
    assert str(caught.value).endswith(".")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@example.com/v1", "https://example.com/v1"),
        ("https://secret@example.com:8443/v1", "https://example.com:8443/v1"),
        (" HTTPS://user:sec@ret@example.com ", " HTTPS://example.com "),
        ("https://user:sec/ret@example.com/v1", "https://example.com/v1"),
        ("https://user:sec#ret@example.com/v1", "https://example.com/v1"),
        ("https://user:sec ret@example.com", "https://example.com"),
        ("user:secret@example.com/v1", "example.com/v1"),
        ("//user:secret@example.com/v1", "//example.com/v1"),
        ("https:user:secret@example.com", "https:example.com"),
        ("https://user:secret@", "https://"),
        ("https://user:secret@[::1/", "https://[::1/"),
    ],
)
def test_a_password_in_an_address_is_refused_and_taken_out(url: str, shown: str) -> None:
    with pytest.raises(AddressRefused, match="Put keys into the key field"):
        check_url(url, EVERYTHING)
    assert without_userinfo(url) == shown


@pytest.mark.parametrize("url", ["https://example.com/v1/@me", "https://example.com/?to=a@b", "example.com/v1", ""])
def test_other_addresses_stay_as_they_are(url: str) -> None:
    assert without_userinfo(url) == url


@pytest.mark.parametrize("url", ["http://2130706433/", "http://0x7f.1/", "file:///etc/passwd", "http://127.1/"])
def test_odd_spellings_stay_refused_when_everything_is_allowed(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, EVERYTHING)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://models.example:8080",
        " https://example.com ",
        "https://bücher.example/",
    ],
)
def test_ordinary_addresses_pass(url: str) -> None:
    check_url(url, PUBLIC_ONLY)


def test_refusal_tells_the_administrator_what_to_set() -> None:
    with pytest.raises(AddressRefused) as caught:
        check_url("http://192.168.1.20:8000/v1", PUBLIC_ONLY)
    assert str(caught.value) == (
        "“192.168.1.20” is inside a private network, which is not called from here. If that is intended, the "
        "administrator can allow it with LLMOPS_ALLOW_PRIVATE_URLS."
    )


def test_list_of_hosts_addresses_and_networks() -> None:
    policy = OutboundPolicy.from_text("models.corp, 192.168.1.20, 10.8.0.0/16, fd12::/16, localhost")
    for url in ("http://192.168.1.20:8000", "http://10.8.3.4", "http://[fd12::7]", "http://localhost:11434"):
        check_url(url, policy)
    check_address(ipaddress.ip_address("172.16.5.5"), "MODELS.corp.", 80, policy)
    for host, address in (("other.corp", "172.16.5.5"), ("10.9.0.1", "10.9.0.1"), ("x", "192.168.1.21")):
        with pytest.raises(AddressRefused):
            check_address(ipaddress.ip_address(address), host, 80, policy)


def test_own_endpoint_is_let_through_exactly() -> None:
    policy = PUBLIC_ONLY.with_endpoint("http://127.0.0.1:8077/v1")
    check_url("http://127.0.0.1:8077/v1", policy)
    for url in ("http://127.0.0.1:8078/v1", "http://127.0.0.2:8077/v1", "http://localhost:8077/v1"):
        with pytest.raises(AddressRefused):
            check_url(url, policy)


@pytest.mark.parametrize("text", ["", "0", "false", "no", " , "])
def test_off(text: str) -> None:
    assert OutboundPolicy.from_text(text) == OutboundPolicy()


@pytest.mark.parametrize("text", ["10.0.0.0/33", "http://models.corp", "127.1", "models.corp:8000", "a b"])
def test_entries_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="neither a host name"):
        OutboundPolicy.from_text(text)
