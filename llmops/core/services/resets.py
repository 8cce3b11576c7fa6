"""Asking for a link to a new password: as often as somebody who forgot theirs needs to, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from llmops.core.choices import AuditKind
from llmops.core.models import AskedReset, User
from llmops.core.selectors.accounts import user_by_email
from llmops.core.services.audit import audit_note
from llmops.core.services.locks import lock_until_commit
from llmops.core.services.sign_ins import account_mark, account_words
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
        lock_until_commit(f"asked reset {account}", f"asked reset from {near}")
        user = user_by_email(email)
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
    what = f"asked for a link to a new password for {account_words(user)}"
    audit_note(AuditKind.SIGN_IN, "reset_asked", what, user=user, who="Somebody")
