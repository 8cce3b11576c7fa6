"""Wrong passwords, counted so that nobody can try many."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class FailedSignIn(models.Model):
    """A wrong password for an account from an address. Kept for an hour, in the database: no cache forgets it.

    `account` is a keyed hash of what was typed as the e-mail, which may be no account, or a password by mistake.
    """

    account = models.CharField(max_length=64)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["address", "-at"], name="failed_sign_in_recent")]

    def __str__(self) -> str:
        return f"from {self.address} at {self.at:%H:%M}"
