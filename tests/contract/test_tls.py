"""TLS through the guard: the connection goes to a checked address, the certificate must fit the name."""

import asyncio
import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from llmops import outbound
from llmops.outbound import OutboundPolicy
from llmops.providers.adapters import AdapterFactory
from llmops.providers.base import CallErrorKind, ModelCallError
from tests.contract.conftest import REQUEST, credential_for
from tests.contract.dialects import Dialect
from tests.contract.server import FakeVendor
from tests.contract.test_outbound import FakeDNS

pytestmark = pytest.mark.contract

NAME = "models.example"
TRUSTED = OutboundPolicy.from_text(f"{NAME}, other.example")


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        root = self._certificate(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
        self.file = folder / "authority.pem"
        self.file.write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def server_for(self, name: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = self._certificate(
            subject, key.public_key(), x509.BasicConstraints(ca=False, path_length=None), names
        )
        both = self._folder / f"{name}.pem"
        both.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        return context

    def _certificate(self, subject: x509.Name, key: Any, *extensions: x509.ExtensionType) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        identifier = x509.SubjectKeyIdentifier.from_public_key(key)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(issuer, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    outbound._trusted.cache_clear()
    yield authority
    outbound._trusted.cache_clear()


async def called(dialect: Dialect, vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", FakeDNS([["127.0.0.1"]] * 2))
    credential = credential_for(dialect, f"https://{NAME}:{vendor.port}")
    async with AdapterFactory(TRUSTED)(credential) as adapter:
        return (await adapter.complete(REQUEST, timeout_s=5.0)).text


async def test_certificate_is_checked_against_the_name(
    dialect: Dialect, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeVendor(dialect.answer("yes"), tls=authority.server_for(NAME)) as vendor:
        assert await called(dialect, vendor, monkeypatch) == "yes"


@pytest.mark.parametrize("trusted", [True, False])
async def test_wrong_or_unknown_certificate_is_refused_before_the_key_is_sent(
    dialect: Dialect, trusted: bool, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "other.example" if trusted else NAME
    if not trusted:
        monkeypatch.delenv("SSL_CERT_FILE")
        outbound._trusted.cache_clear()
    async with FakeVendor(dialect.answer("yes"), tls=authority.server_for(name)) as vendor:
        with pytest.raises(ModelCallError) as caught:
            await called(dialect, vendor, monkeypatch)
        assert vendor.received == []
    assert (caught.value.kind, caught.value.retryable) == (CallErrorKind.UNREACHABLE, False)
    assert "certificate" in caught.value.message
