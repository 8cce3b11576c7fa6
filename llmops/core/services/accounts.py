"""What people do with their own account: name, password, ending sign-ins."""

from __future__ import annotations

from django.db import transaction

from llmops.core.choices import AuditKind
from llmops.core.models import SignIn, User
from llmops.core.selectors.accounts import user_by_reset_token
from llmops.core.services.audit import audit_note
from llmops.core.services.sign_ins import failures_forget


class ResetLinkVoid(ValueError):
    """The link was used, is too old or is none of ours."""


def user_rename(user: User, *, name: str) -> None:
    """Say what a person is called; what they did before keeps the name of that day. One transaction. Idempotent."""
    with transaction.atomic():
        before = User.objects.select_for_update(no_key=True).get(pk=user.pk).name
        if before == name:
            return
        User.objects.filter(pk=user.pk).update(name=name)
        audit_note(
            AuditKind.SIGN_IN,
            "renamed",
            f"is called “{name}” from now on",
            before={"account": user.email, "name": before},
            after={"account": user.email, "name": name},
        )


def password_change(user: User, *, password: str) -> None:
    """Give a person another password, which ends every sign-in of theirs with its next request.

    One transaction. Whoever changes it in a browser is signed in there anew by the view.
    """
    with transaction.atomic():
        _password_set(user, password, action="password_changed", what="changed their password")


def password_reset(token: str, *, password: str) -> User:
    """Change the password of whom the link belongs to, and end all their sign-ins. Raises ResetLinkVoid.

    One transaction, which holds the person's row: of many at the same moment one succeeds.
    """
    with transaction.atomic():
        user = user_by_reset_token(token, lock=True)
        if user is None:
            raise ResetLinkVoid
        _password_set(user, password, action="password_reset", what="chose a new password with a mailed link")
    return user


def sign_in_end(sign_in: SignIn) -> None:
    """Sign a browser out, from its next request on. Idempotent."""
    with transaction.atomic():
        if SignIn.objects.filter(pk=sign_in.pk).delete()[0]:
            _note_ended(sign_in.user, 1)


def sign_ins_end_others(user: User, *, session_key: str | None) -> int:
    """Sign a person out everywhere but in this browser; how many that were. Idempotent."""
    with transaction.atomic():
        many = SignIn.objects.filter(user=user).exclude(session_key=session_key).delete()[0]
        if many:
            _note_ended(user, many)
    return many


def _password_set(user: User, password: str, *, action: str, what: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    SignIn.objects.filter(user=user).delete()
    failures_forget(user.email)
    audit_note(AuditKind.SIGN_IN, action, what, user=user)


def _note_ended(user: User | None, many: int) -> None:
    browsers = "one other browser" if many == 1 else f"{many} other browsers"
    audit_note(AuditKind.SIGN_IN, "signed_out_elsewhere", f"signed out {browsers}", user=user)
