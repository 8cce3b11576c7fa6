"""People who sign in."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class UserAccounts(BaseUserManager["User"]):
    """Keeps e-mails in small letters, so that one is found in whatever case it was typed."""

    def with_email(self, email: str) -> models.QuerySet[User]:
        """Whose e-mail this is, nobody or one. The database is not asked to overlook case: it takes other letters, such
        as a dotless i, for the same, and an account must have one name to have its tries counted."""
        return self.filter(email=_as_kept(email))

    def get_by_natural_key(self, username: str | None) -> User:
        return self.with_email(username or "").get()

    def create_user(self, email: str, password: str | None = None, *, name: str = "") -> User:
        user = self.model(email=_as_kept(email), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None) -> User:
        user = self.model(email=_as_kept(email), is_staff=True, is_superuser=True)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserAccounts()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_case_insensitive")]

    def __str__(self) -> str:
        return self.name or self.email


def _as_kept(email: str) -> str:
    return email.strip().lower()
