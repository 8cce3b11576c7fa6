"""Encryption of secrets at rest with the key ring of the environment."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from llmops.redaction import remember


class KeyLost(RuntimeError):
    """A stored secret was encrypted with a key that is not in LLMOPS_FIELD_KEYS any more."""


def encrypt(secret: str) -> bytes:
    """Encrypted with the first key of the ring; empty stays empty."""
    remember(secret)
    return _ring().encrypt(secret.encode()) if secret else b""


def decrypt(token: bytes | memoryview) -> str:
    """The secret, whichever key of the ring encrypted it. Raises KeyLost."""
    if not token:
        return ""
    try:
        secret = _ring().decrypt(bytes(token)).decode()
    except InvalidToken as lost:
        raise KeyLost("This key was stored with an encryption key that is gone. Paste the key again.") from lost
    remember(secret)
    return secret


def encrypt_anew(token: bytes) -> bytes:
    """The same secret, encrypted with the first key of the ring. Raises KeyLost."""
    return encrypt(decrypt(token))


def _ring() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
