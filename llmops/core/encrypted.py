"""All secrets that are stored encrypted, wherever they are: fields named `…_encrypted` of any model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.db.models import BinaryField, Model

from llmops.core.encryption import KeyLost, decrypt, encrypt_anew


class EncryptedField(NamedTuple):
    """A column of encrypted secrets."""

    model: type[Model]
    name: str


def encrypted_fields() -> list[EncryptedField]:
    """Every column that holds encrypted secrets, found by its name."""
    return [
        EncryptedField(model, field.name)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, BinaryField) and field.name.endswith("_encrypted")
    ]


class Reencrypted(NamedTuple):
    """What `encrypt_all_anew` did."""

    n_anew: int
    n_unreadable: int


def stored_tokens() -> Iterator[bytes]:
    """Every encrypted secret as it is stored; those that are empty are left out."""
    for field in encrypted_fields():
        for _, token in _rows(field):
            yield token


def count_unreadable() -> int:
    """How many stored secrets the key ring of this process cannot decrypt."""
    return sum(not _is_readable(token) for token in stored_tokens())


def encrypt_all_anew() -> Reencrypted:
    """Encrypt every stored secret with the first key of the ring; those that cannot be read stay as they are.

    Row by row, so nobody waits and it may be run again. A secret that is changed meanwhile is left alone: whoever
    changed it had the same ring.
    """
    n_anew = n_unreadable = 0
    for field in encrypted_fields():
        for pk, token in _rows(field):
            try:
                unchanged = field.model._default_manager.filter(pk=pk, **{field.name: token})
                n_anew += unchanged.update(**{field.name: encrypt_anew(token)})
            except KeyLost:
                n_unreadable += 1
    return Reencrypted(n_anew, n_unreadable)


def _rows(field: EncryptedField) -> Iterator[tuple[Any, bytes]]:
    rows = field.model._default_manager.exclude(**{field.name: b""}).values_list("pk", field.name)
    for pk, token in rows.order_by("pk").iterator(chunk_size=1000):
        yield pk, bytes(token)


def _is_readable(token: bytes) -> bool:
    try:
        decrypt(token)
    except KeyLost:
        return False
    return True
