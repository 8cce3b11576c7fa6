"""What people do with their own account: name, password, ending sign-ins."""

from __future__ import annotations

from django.db import transaction

from llmops.core.models import SignIn, User
from llmops.core.selectors.accounts import user_by_reset_token


class ResetLinkVoid(ValueError):
    """The link was used, is too old or is none of ours."""


def user_rename(user: User, *, name: str) -> None:
    """Say what a person is called. Idempotent."""
    User.objects.filter(pk=user.pk).update(name=name)


def password_change(user: User, *, password: str) -> None:
    """Give a person another password, which ends every sign-in of theirs with its next request.

    One transaction. Whoever changes it in a browser is signed in there anew by the view.
    """
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        SignIn.objects.filter(user=user).delete()


def password_reset(token: str, *, password: str) -> User:
    """Change the password of whom the link belongs to, and end all their sign-ins. Raises ResetLinkVoid.

    One transaction, which holds the person's row: of many at the same moment one succeeds.
    """
    with transaction.atomic():
        user = user_by_reset_token(token, lock=True)
        if user is None:
            raise ResetLinkVoid
        password_change(user, password=password)
    return user


def sign_in_end(sign_in: SignIn) -> None:
    """Sign a browser out, from its next request on. Idempotent."""
    SignIn.objects.filter(pk=sign_in.pk).delete()


def sign_ins_end_others(user: User, *, session_key: str | None) -> int:
    """Sign a person out everywhere but in this browser; how many that were. Idempotent."""
    return SignIn.objects.filter(user=user).exclude(session_key=session_key).delete()[0]
