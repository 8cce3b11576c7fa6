"""Asking for a link to a new password: as often as somebody who forgot theirs needs to, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from llmops.core.choices import AuditKind
from llmops.core.models import AskedReset, User
from llmops.core.services.audit import audit_note
from llmops.core.services.sign_ins import account_mark
from llmops.core.visitors import neighbourhood

MOST_OF_ACCOUNT, MOST_OF_ADDRESS, WINDOW = 3, 30, timedelta(hours=1)


def reset_ask(*, email: str, address: str, mail: Callable[[int], bool]) -> bool:
    """Have a link mailed to whose e-mail this is. False when no mail can be asked for now, and then nothing counts.

    `mail` gets the id of the person, or 0 for nobody: there is no such account, or enough was asked for it or from
    that address within the hour. Nobody who asks can tell these apart, and they take the same way. One transaction,
    under locks on the account and the address: of many at the same moment no more are let through.
    """
    account, near = account_mark(email), neighbourhood(address)
    with transaction.atomic():
        _lock(f"asked reset {account}", f"asked reset from {near}")
        user = User.objects.filter(email__iexact=email.strip()).first()
        may = _may_ask(account, near)
        if may:
            AskedReset.objects.create(account=account, address=near)
            _note(user)
        asked = mail(user.pk if may and user is not None else 0)
        if not asked:
            transaction.set_rollback(True)
    return asked


def resets_sweep() -> None:
    """Forget what counts no more. Idempotent."""
    AskedReset.objects.filter(at__lt=timezone.now() - WINDOW).delete()


def _may_ask(account: str, near: str) -> bool:
    asked = AskedReset.objects.filter(Q(account=account) | Q(address=near), at__gt=timezone.now() - WINDOW)
    rows = list(asked.values_list("account", "address"))
    of_account, of_address = sum(row[0] == account for row in rows), sum(row[1] == near for row in rows)
    return of_account < MOST_OF_ACCOUNT and of_address < MOST_OF_ADDRESS


def _note(user: User | None) -> None:
    """What was typed is told only when it is an account, as of a wrong password."""
    whose = user.email if user is not None else "an account that does not exist"
    what = f"asked for a link to a new password for {whose}"
    audit_note(AuditKind.SIGN_IN, "reset_asked", what, user=user, who="Somebody")


def _lock(*names: str) -> None:
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
