"""People and projects: the first administrator, roles, names of projects."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from llmops.core.choices import Role
from llmops.core.models import Membership, User
from llmops.core.services import (
    first_administrator,
    member_set,
    project_create,
    project_rename,
    user_create_admin,
)
from tests.core.factories import make_user

pytestmark = pytest.mark.django_db


def test_the_first_administrator_is_made_once() -> None:
    made = first_administrator(email="Admin@Example.com", password="")
    assert made.password is not None
    assert len(made.password) >= 12
    user = User.objects.get()
    assert user.check_password(made.password)
    again = first_administrator(email="other@example.com", password="another password")
    assert (again.email, again.password) == (made.email, None)
    assert User.objects.count() == 1


def test_an_administrator_belongs_to_every_project_and_may_get_a_new_password() -> None:
    projects = [project_create(name=f"Project {at}") for at in range(2)]
    user = user_create_admin(email="admin@example.com", password="first password")
    assert set(user.memberships.values_list("project", "role")) == {(each.pk, "admin") for each in projects}
    same = user_create_admin(email="ADMIN@example.com", password="second password")
    assert same == user
    assert same.check_password("second password")


def test_a_role_replaces_the_one_before() -> None:
    project, user = project_create(name="Help"), make_user()
    member_set(project=project, user=user, role=Role.VIEWER)
    member_set(project=project, user=user, role=Role.EDITOR)
    assert list(Membership.objects.filter(user=user).values_list("role", flat=True)) == ["editor"]


def test_people_are_one_in_any_case_of_their_address() -> None:
    User.objects.create_user("one@example.com", "a good password")
    with pytest.raises(IntegrityError):
        User.objects.create_user("ONE@example.com", "a good password")


def test_a_project_keeps_its_slug_when_renamed() -> None:
    project = project_create(name="Help desk", owner=make_user())
    assert project.slug == "help-desk"
    project_rename(project, name="Care")
    project.refresh_from_db()
    assert (project.name, project.slug) == ("Care", "help-desk")


def test_a_taken_slug_leaves_no_half_made_project() -> None:
    project_create(name="Help", slug="help")

    with pytest.raises(IntegrityError), transaction.atomic():
        project_create(name="Other", slug="help", owner=make_user())
    assert Membership.objects.count() == 0
