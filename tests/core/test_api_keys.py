"""API keys: made, found, used, refused."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from llmops.core.access import Action, actor_for_key
from llmops.core.choices import Role, Scope
from llmops.core.models import ApiKey
from llmops.core.services import api_key_create, api_key_find, api_key_revoke
from tests.core.factories import make_room

pytestmark = pytest.mark.django_db


def test_only_the_hash_of_the_secret_is_stored() -> None:
    made = api_key_create(project=make_room().project, name="CI", scopes=[Scope.READ])
    secret = made.text.split("_", 2)[2]
    row = ApiKey.objects.values().get()
    assert row["secret_hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert not any(secret in str(value) for value in row.values())


def test_a_key_is_found_by_its_exact_text_only() -> None:
    made = api_key_create(project=make_room().project, name="CI", scopes=[Scope.READ])
    assert api_key_find(made.text) == made.row
    mark, prefix, secret = made.text.split("_", 2)
    for wrong in (
        made.text[:-1],
        made.text + "x",
        f"{mark}_{prefix}_",
        f"{mark}_00000000_{secret}",
        secret,
        "",
    ):
        assert api_key_find(wrong) is None


def test_an_expired_or_revoked_key_is_not_found() -> None:
    project, now = make_room().project, timezone.now()
    made = api_key_create(project=project, name="CI", scopes=[Scope.READ], expires_at=now + timedelta(hours=1))
    assert api_key_find(made.text, now=now + timedelta(minutes=59)) is not None
    assert api_key_find(made.text, now=now + timedelta(hours=1)) is None
    api_key_revoke(made.row)
    assert api_key_find(made.text, now=now) is None


def test_revoking_twice_keeps_the_first_time() -> None:
    made = api_key_create(project=make_room().project, name="CI", scopes=[Scope.READ])
    api_key_revoke(made.row)
    first = ApiKey.objects.get().revoked_at
    api_key_revoke(made.row)
    assert ApiKey.objects.get().revoked_at == first


def test_use_is_noted_once_a_minute() -> None:
    made, now = api_key_create(project=make_room().project, name="CI", scopes=[Scope.READ]), timezone.now()
    api_key_find(made.text, now=now)
    api_key_find(made.text, now=now + timedelta(seconds=59))
    assert ApiKey.objects.get().last_used_at == now
    api_key_find(made.text, now=now + timedelta(seconds=61))
    assert ApiKey.objects.get().last_used_at == now + timedelta(seconds=61)


@pytest.mark.parametrize(
    ("scopes", "role"),
    [
        ([Scope.READ], Role.VIEWER),
        ([Scope.WRITE], Role.EDITOR),
        ([Scope.READ, Scope.ALL], Role.ADMIN),
    ],
)
def test_a_key_may_what_its_strongest_scope_may(scopes: list[Scope], role: Role) -> None:
    room = make_room()
    made = api_key_create(project=room.project, name="CI", scopes=scopes, created_by=room.admin)
    actor = actor_for_key(made.row)
    assert (actor.role, actor.project, actor.person) == (role, room.project, room.admin)
    assert actor.may(Action.EDIT_CONNECTION) is (role is Role.ADMIN)
    assert actor.may(Action.EDIT_PROMPT) is (role is not Role.VIEWER)
    assert actor.may(Action.VIEW)
