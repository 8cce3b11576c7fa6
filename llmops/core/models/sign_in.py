"""Browsers in which people are signed in."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class SignIn(AbstractBaseSession):
    """Django's session, which also says whose it is and where it was last seen. Without the row its cookie is void."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sign_ins")
    agent = models.CharField(max_length=300, blank=True)
    address = models.CharField(max_length=45, blank=True)
    seen_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user} at {self.address}"

    @property
    def mark(self) -> str:
        """Names this sign-in in addresses and pages: its key would open it."""
        return hashlib.sha256(self.session_key.encode()).hexdigest()[:20]
