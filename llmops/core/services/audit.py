"""The audit trail is written by the service that makes a change, in its transaction: both are there or neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops.core.acting import Acting, acting_now
from llmops.core.choices import AuditKind
from llmops.core.models import AuditEntry, User
from llmops.redaction import redact, redact_text

NO_PERSON = "llmops (command line)"
_MOST_WHO = 300


def audit_note(
    kind: AuditKind,
    action: str,
    what: str,
    *,
    project_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    user: User | None = None,
    who: str = "",
) -> None:
    """Note that somebody did something: `what` goes on after their name, as in "revoked the API key “CI”".

    `before` and `after` are in the words that people read, of values that JSON knows. Who it was is found out
    (core/acting.py) unless `user` says so; `who` is for those who are not known to be that user. Secrets are taken
    out, though none should come this far.
    """
    now = acting_now()
    person = user or now.user
    api_key = None if user else now.api_key
    AuditEntry.objects.create(
        project_id=project_id,
        kind=kind,
        action=action,
        who=(who or _name(person, now))[:_MOST_WHO],
        user_id=person.pk if person else None,
        api_key_id=api_key.pk if api_key else None,
        what=redact_text(what),
        before=redact(before),
        after=redact(after),
        address=now.address,
        request_id=now.request_id,
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without what is the same in them."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def _name(person: User | None, now: Acting) -> str:
    if person is not None:
        return str(person)
    return f"The API key “{now.api_key.name}”" if now.api_key else NO_PERSON
