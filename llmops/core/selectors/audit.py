"""Reading the audit trail of a project: what was done in it, and to the accounts of its members."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.utils import timezone

from llmops.core.choices import AuditKind
from llmops.core.models import AuditEntry, Membership, Project, User
from llmops.core.selectors.members import members_of_project
from llmops.ids import row_number

DAYS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}


class Fits(NamedTuple):
    """Which entries are asked for; empty is all."""

    who: str = ""  # "u7" for an account, "k3" for an API key
    kind: str = ""
    days: str = ""


class Change(NamedTuple):
    """A fact that an entry tells: what it was, and what it became."""

    name: str
    before: str
    after: str

    @property
    def is_same(self) -> bool:
        return self.before == self.after


def audit_trail(project: Project, fits: Fits, *, now: datetime | None = None) -> QuerySet[AuditEntry]:
    """The entries that fit, in no order. What does not name anything of ours fits nothing."""
    members = Membership.objects.filter(project=project).values("user_id")
    entries = AuditEntry.objects.filter(Q(project_id=project.pk) | Q(project_id__isnull=True, user_id__in=members))
    if fits.who:
        column = {"u": "user_id", "k": "api_key_id"}.get(fits.who[0])
        number = row_number(fits.who[1:])
        if column is None or number is None:
            return entries.none()
        entries = entries.filter(**{column: number})
    if fits.kind:
        if fits.kind not in set(AuditKind):
            return entries.none()
        entries = entries.filter(kind=fits.kind)
    if fits.days:
        if fits.days not in DAYS:
            return entries.none()
        entries = entries.filter(at__gte=(now or timezone.now()) - timedelta(days=int(fits.days)))
    return entries


def audit_entry(project: Project, *, pk: str) -> AuditEntry | None:
    """One entry of the project's trail, or None."""
    return audit_trail(project, Fits()).filter(pk=row_number(pk) or 0).first()


def audit_people(project: Project) -> list[tuple[str, str]]:
    """Who can have done something: members, and API keys that were ever made. As `Fits.who`, and a name; behind a name
    that several have stands what tells them apart."""
    people = [(f"u{member.user_id}", str(member.user), member.user.email) for member in members_of_project(project)]
    keys = [
        (f"k{key.pk}", f"API key “{key.name}”", f"{key.prefix}…") for key in project.api_keys.order_by("name", "pk")
    ]
    called = Counter(name for _, name, _ in people + keys)
    return [(who, f"{name} ({mark})" if called[name] > 1 else name) for who, name, mark in people + keys]


def account_of(entry: AuditEntry) -> str:
    """The e-mail of the account that an entry is about or by, whatever its owner was called then. Empty for keys, for
    commands, and for accounts that are gone."""
    if entry.user_id is None:
        return ""
    return User.objects.filter(pk=entry.user_id).values_list("email", flat=True).first() or ""


def changes_of(entry: AuditEntry) -> list[Change]:
    """The facts of an entry; what was not told is empty."""
    before, after = entry.before or {}, entry.after or {}
    return [Change(name, _words(before.get(name)), _words(after.get(name))) for name in {**before, **after}]


def _words(value: Any) -> str:
    return "" if value is None else str(value)
