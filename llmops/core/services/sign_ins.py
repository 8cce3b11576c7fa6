"""Signing in: a password is checked, but not often (R26 of RELIABILITY)."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from llmops.core.choices import AuditKind
from llmops.core.models import FailedSignIn, User
from llmops.core.selectors.accounts import user_by_email
from llmops.core.services.audit import audit_note
from llmops.core.services.locks import lock_until_commit
from llmops.core.visitors import address_of, browser_words, neighbourhood

MOST_OF_ACCOUNT, ACCOUNT_WINDOW = 5, timedelta(minutes=15)
MOST_OF_ADDRESS, ADDRESS_WINDOW = 100, timedelta(hours=1)


class WrongPassword(Exception):
    """There is no such account, or it has another password, or may not sign in: nobody is told which."""


class TooManyTries(Exception):
    """Wrong passwords were typed too often; `wait` is how long nothing is checked, `message` says so."""

    def __init__(self, wait: timedelta, *, of_network: bool) -> None:
        self.wait = wait
        minutes = max(1, math.ceil(wait / timedelta(minutes=1)))
        when = "in a minute" if minutes == 1 else f"in {minutes} minutes"
        self.message = (
            f"Too many wrong passwords came from your network. Try again {when}."
            if of_network
            else f"Too many wrong passwords. Try again {when}, or choose a new password with a link that we mail you."
        )
        super().__init__(self.message)


def password_check(request: HttpRequest, *, email: str, password: str) -> User:
    """Whose password this is. Raises WrongPassword, which is counted, and TooManyTries.

    Known and unknown accounts take the same way and as long. Of many tries at the same moment none that ends after
    the last allowed failure tells whether it was right: failures are counted under a lock on the address.
    """
    account, address = account_mark(email), neighbourhood(address_of(request))
    _refuse(account, address, timezone.now())
    user = authenticate(request, username=email, password=password)
    with transaction.atomic():
        lock_until_commit(f"failed sign-in {address}")
        n_failed = _refuse(account, address, timezone.now())
        if user is not None:
            FailedSignIn.objects.filter(account=account, address=address).delete()
        else:
            FailedSignIn.objects.create(account=account, address=address)
            _note_failure(email, is_last=n_failed + 1 == MOST_OF_ACCOUNT)
    if not isinstance(user, User):
        raise WrongPassword
    return user


def sign_in(request: HttpRequest, user: User) -> None:
    """Sign a person in to this browser, and note it. One transaction."""
    with transaction.atomic():
        login(request, user)
        browser = browser_words(request.headers.get("User-Agent", ""))
        audit_note(AuditKind.SIGN_IN, "signed_in", "signed in", after={"browser": browser}, user=user)


def sign_out(request: HttpRequest) -> None:
    """Sign the person out of this browser, and note it. One transaction. Idempotent."""
    with transaction.atomic():
        if isinstance(request.user, User):
            browser = browser_words(request.headers.get("User-Agent", ""))
            audit_note(AuditKind.SIGN_IN, "signed_out", "signed out", after={"browser": browser}, user=request.user)
        logout(request)


def failures_forget(email: str) -> None:
    """Let an account be signed in to again at once, from everywhere: it has a new password."""
    FailedSignIn.objects.filter(account=account_mark(email)).delete()


def failures_sweep() -> None:
    """Forget failures that count no more. Idempotent."""
    FailedSignIn.objects.filter(at__lt=timezone.now() - ADDRESS_WINDOW).delete()


def account_mark(email: str) -> str:
    """Names an account, or what was typed for one, without telling it."""
    return salted_hmac("llmops.failed_sign_in", email.strip().lower(), algorithm="sha256").hexdigest()


def account_words(user: User | None) -> str:
    """Which account, for the audit trail. What was typed is told only when it is one: it may be a password in the wrong
    field."""
    return user.email if user is not None else "an account that does not exist"


def _refuse(account: str, address: str, now: datetime) -> int:
    """How many failures the account has from here. Raises TooManyTries."""
    recent = FailedSignIn.objects.filter(address=address, at__gt=now - ADDRESS_WINDOW).order_by("-at", "-pk")
    failures = list(recent.values_list("account", "at")[:MOST_OF_ADDRESS])
    own = [at for name, at in failures if name == account and at > now - ACCOUNT_WINDOW]
    if len(own) >= MOST_OF_ACCOUNT:
        raise TooManyTries(own[MOST_OF_ACCOUNT - 1] + ACCOUNT_WINDOW - now, of_network=False)
    if len(failures) >= MOST_OF_ADDRESS:
        raise TooManyTries(failures[-1][1] + ADDRESS_WINDOW - now, of_network=True)
    return len(own)


def _note_failure(email: str, *, is_last: bool) -> None:
    user = user_by_email(email)
    minutes = ACCOUNT_WINDOW // timedelta(minutes=1)
    lasts = f"; nobody can try again from there for {minutes} minutes" if is_last else ""
    what = f"typed a wrong password for {account_words(user)}{lasts}"
    audit_note(AuditKind.SIGN_IN, "locked" if is_last else "failed", what, user=user, who="Somebody")
