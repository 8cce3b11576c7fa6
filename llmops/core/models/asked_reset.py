"""Links to a new password that were asked for, counted so that nobody is flooded with mail."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class AskedReset(models.Model):
    """Somebody at an address asked for a link for an account. Kept for an hour, in the database as failed sign-ins are.

    `account` is a keyed hash of what was typed as the e-mail, which may be no account.
    """

    account = models.CharField(max_length=64)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["account", "-at"], name="asked_reset_of_account"),
            models.Index(fields=["address", "-at"], name="asked_reset_from"),
        ]

    def __str__(self) -> str:
        return f"from {self.address} at {self.at:%H:%M}"
