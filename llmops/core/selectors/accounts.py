"""Reading what belongs to a person: where they are signed in, and whose a reset link is."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db.models import F
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import base36_to_int, int_to_base36

from llmops.core.models import SignIn, User
from llmops.core.visitors import browser_words


class SignInShown(NamedTuple):
    """A browser in which the person is signed in; `here` when it is the one that asks."""

    mark: str
    browser: str
    address: str
    seen_at: datetime | None
    here: bool


def user_by_email(email: str) -> User | None:
    """Whose e-mail this is, in whatever case it was typed."""
    return User.objects.with_email(email).first()


def sign_ins_of(user: User, *, session_key: str | None) -> list[SignInShown]:
    """Where the person is signed in: this browser first, then the last seen first."""
    rows = SignIn.objects.filter(user=user, expire_date__gt=timezone.now())
    shown = [
        SignInShown(row.mark, browser_words(row.agent), row.address, row.seen_at, row.session_key == session_key)
        for row in rows.order_by(F("seen_at").desc(nulls_last=True), "session_key")
    ]
    return sorted(shown, key=lambda each: not each.here)


def sign_in_by_mark(user: User, *, mark: str) -> SignIn:
    """The person's own sign-in. Raises Http404."""
    found = next((row for row in SignIn.objects.filter(user=user) if row.mark == mark), None)
    if found is None:
        raise Http404("You are not signed in there any more.")
    return found


def reset_link(user: User) -> str:
    """The address at which this person chooses a new password, once and within PASSWORD_RESET_TIMEOUT."""
    token = f"{int_to_base36(user.pk)}-{default_token_generator.make_token(user)}"
    return settings.PUBLIC_URL + reverse("password-reset", args=[token])


def user_by_reset_token(token: str, *, lock: bool = False) -> User | None:
    """Whose password the link changes, or None when it was used, is too old or is none of ours.

    With `lock` (in a transaction) nobody else can use it meanwhile.
    """
    number, _, rest = token.partition("-")
    try:
        pk = base36_to_int(number)
    except ValueError:
        return None
    people = User.objects.select_for_update(no_key=True) if lock else User.objects.all()
    user = people.filter(pk=pk, is_active=True).first()
    return user if user is not None and default_token_generator.check_token(user, rest) else None
