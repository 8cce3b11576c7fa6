"""API keys: made, looked up, revoked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from llmops.core.choices import AuditKind, Scope
from llmops.core.models import ApiKey, Project, User
from llmops.core.services.audit import audit_note

KEY_MARK = "llmops"
USED_AGAIN_AFTER = timedelta(minutes=1)
_PREFIX = re.compile(r"[0-9a-f]{8}")
_NO_SECRET = "0" * 64  # what a key that is not there is compared with


class NewApiKey(NamedTuple):
    """A key's row and its text, which is not stored and cannot be shown again."""

    row: ApiKey
    text: str


def api_key_create(
    *,
    project: Project,
    name: str,
    scopes: Sequence[Scope],
    created_by: User | None = None,
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make a key `llmops_<prefix>_<secret>` with a 256-bit secret. Full entropy: a fast hash is enough."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiKey.objects.create(
            project=project,
            name=name,
            prefix=prefix,
            secret_hash=_hash(secret),
            scopes=[Scope(scope).value for scope in scopes],
            created_by=created_by,
            expires_at=expires_at,
        )
        _note(row, "made", f"made the API key “{name}”")
    return NewApiKey(row, f"{KEY_MARK}_{prefix}_{secret}")


def api_key_find(text: str, *, now: datetime | None = None) -> ApiKey | None:
    """The valid key with this text, or None. Compares in constant time; notes the use once a minute."""
    now = now or timezone.now()
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != KEY_MARK or not secret or not _PREFIX.fullmatch(prefix):
        return None
    key = ApiKey.objects.select_related("project", "created_by").filter(prefix=prefix).first()
    is_right = hmac.compare_digest(key.secret_hash if key else _NO_SECRET, _hash(secret))
    if key is None or not is_right:
        return None
    if key.revoked_at is not None or key.has_ended(now):
        return None
    if key.last_used_at is None or now - key.last_used_at > USED_AGAIN_AFTER:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def api_key_revoke(key: ApiKey) -> None:
    """Make a key useless from the next request on. Idempotent: the first time counts."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            _note(key, "revoked", f"revoked the API key “{key.name}”")


def _note(key: ApiKey, action: str, what: str) -> None:
    ends = key.expires_at.isoformat(timespec="seconds") if key.expires_at else "never"
    facts = {"begins with": f"{KEY_MARK}_{key.prefix}_", "may": ", ".join(key.scopes), "ends": ends}
    audit_note(AuditKind.API_KEY, action, what, project_id=key.project_id, after=facts)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
