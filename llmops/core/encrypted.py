"""All secrets that are stored encrypted, wherever they are: fields named `…_encrypted` of any model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.apps import apps
from django.db.models import BinaryField, Model

from llmops.core.encryption import KeyLost, decrypt


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


def stored_tokens() -> Iterator[bytes]:
    """Every encrypted secret as it is stored; those that are empty are left out."""
    for field in encrypted_fields():
        rows = field.model._default_manager.exclude(**{field.name: b""}).values_list(field.name, flat=True)
        for token in rows.order_by("pk").iterator(chunk_size=1000):
            yield bytes(token)


def count_unreadable() -> int:
    """How many stored secrets the key ring of this process cannot decrypt."""
    return sum(not _is_readable(token) for token in stored_tokens())


def _is_readable(token: bytes) -> bool:
    try:
        decrypt(token)
    except KeyLost:
        return False
    return True
