"""People and projects."""

from __future__ import annotations

import itertools
import secrets
from typing import NamedTuple

from django.db import transaction
from django.utils.text import slugify

from llmops.core.choices import AuditKind, Role
from llmops.core.models import Membership, Project, User
from llmops.core.services.audit import NO_PERSON, audit_note
from llmops.core.services.locks import lock_until_commit
from llmops.core.services.members import member_set

_MOST_SLUG = 50


class FirstAdministrator(NamedTuple):
    """Who was made at first start; `password` is None when the administrator was there already."""

    email: str
    password: str | None


def user_create_admin(*, email: str, password: str) -> User:
    """Make an administrator of every project, or give the one with this e-mail a new password.

    Idempotent. One transaction.
    """
    with transaction.atomic():
        user = User.objects.with_email(email).select_for_update().first()
        if user is None:
            user = User.objects.create_user(email, password)
        else:
            user.set_password(password)
        user.is_staff = user.is_superuser = user.is_active = True
        user.save(update_fields=["password", "is_staff", "is_superuser", "is_active"])
        what = f"made {user} an admin of every project, with a new password"
        audit_note(AuditKind.SIGN_IN, "admin_set", what, user=user, who=NO_PERSON)
        for project in Project.objects.order_by("pk"):
            member_set(project=project, user=user, role=Role.ADMIN)
    return user


def first_administrator(*, email: str, password: str) -> FirstAdministrator:
    """The administrator made once at first start; an empty password is made up. Idempotent."""
    existing = User.objects.filter(is_superuser=True).order_by("pk").first()
    if existing is not None:
        return FirstAdministrator(existing.email, None)
    password = password or secrets.token_urlsafe(12)
    user = user_create_admin(email=email, password=password)
    return FirstAdministrator(user.email, password)


def project_create(*, name: str, slug: str = "", owner: User | None = None) -> Project:
    """Make a project with `owner` as its administrator. One transaction.

    Without a slug it gets a free one after its name. Raises IntegrityError when a slug is given and taken.
    """
    with transaction.atomic():
        project = Project.objects.create(name=name, slug=slug or _free_slug(name))
        if owner is not None:
            Membership.objects.create(project=project, user=owner, role=Role.ADMIN)
        after = {"name": name, "admin": owner.email if owner else "nobody"}
        audit_note(AuditKind.PROJECT, "made", f"made the project “{name}”", project_id=project.pk, after=after)
    return project


def _free_slug(name: str) -> str:
    """The name as it can stand in an address, with a number behind it when others have it. Until the transaction
    ends nobody else looks for one."""
    lock_until_commit("core_project.slug")
    wanted = slugify(name)[:_MOST_SLUG].strip("-") or "project"
    taken = set(Project.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    numbered = (f"{wanted}-{number}" for number in itertools.count(2))
    return next(slug for slug in itertools.chain([wanted], numbered) if slug not in taken)


def project_rename(project: Project, *, name: str) -> None:
    """Give a project another name; its address stays. Idempotent."""
    with transaction.atomic():
        before = Project.objects.select_for_update(no_key=True).get(pk=project.pk).name
        if before == name:
            return
        Project.objects.filter(pk=project.pk).update(name=name)
        what = f"renamed the project from “{before}” to “{name}”"
        audit_note(
            AuditKind.PROJECT, "renamed", what, project_id=project.pk, before={"name": before}, after={"name": name}
        )
