"""Settings: the project's name, its members, and keys that are shown once."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from llmops.core.choices import Role, Scope
from llmops.core.models import ApiKey, Project
from llmops.core.services import api_key_create, api_key_find
from tests.core.factories import Room, make_room, make_user

pytestmark = pytest.mark.django_db


def page(room: Room, name: str, *args: Any) -> str:
    return reverse(f"core:{name}", args=[room.project.slug, *args])


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_renaming_keeps_the_address(room: Room) -> None:
    answer = room.client.post(page(room, "settings"), {"name": "Help desk"}, follow=True)
    assert "The new name is saved." in text_of(answer)
    room.project.refresh_from_db()
    assert room.project.name == "Help desk"
    assert room.client.get(room.address).status_code == 200


def test_an_empty_name_is_not_taken(room: Room) -> None:
    answer = room.client.post(page(room, "settings"), {"name": " "})
    assert answer.status_code == 422
    assert "Give the project a name." in text_of(answer)


def test_members_are_listed_with_what_their_role_may_do(room: Room) -> None:
    room.member(Role.REVIEWER)
    text = text_of(room.client.get(page(room, "member-list")))
    assert "Ana (you)" in text
    assert "judges answers" in text


def test_a_new_key_is_shown_once_with_an_example(room: Room) -> None:
    answer = room.client.post(page(room, "api-key-list"), {"name": "CI", "scope": "read", "lasts": "0"})
    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    (key,) = set(re.findall(r"llmops_[0-9a-f]{8}_[\w-]{20,}", text_of(answer)))
    assert f'curl -H "Authorization: Bearer {key}"' in text_of(answer)
    found = api_key_find(key)
    assert found is not None
    assert (found.name, found.scopes, found.created_by) == ("CI", ["read"], room.admin)
    again = text_of(room.client.get(page(room, "api-key-list")))
    assert key not in again
    assert f"llmops_{found.prefix}_…" in again
    assert found.secret_hash not in again


@pytest.mark.parametrize("typed", [{"name": ""}, {"scope": "root"}, {"lasts": "1"}])
def test_a_key_that_cannot_be_is_not_made(room: Room, typed: dict[str, str]) -> None:
    typed = {"name": "CI", "scope": "read", "lasts": "0", **typed}
    assert room.client.post(page(room, "api-key-list"), typed).status_code == 422
    assert not ApiKey.objects.exists()


def test_revoking_asks_first_and_then_refuses_the_key(room: Room) -> None:
    made = api_key_create(project=room.project, name="CI", scopes=[Scope.READ])
    address = page(room, "api-key-revoke", made.row.pk)
    assert "Revoke “CI”?" in text_of(room.client.get(address))
    assert api_key_find(made.text) is not None
    assert "is revoked" in text_of(room.client.post(address, follow=True))
    assert api_key_find(made.text) is None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.RELEASER])
def test_others_read_settings_but_see_no_keys(room: Room, role: Role) -> None:
    made = api_key_create(project=room.project, name="CI", scopes=[Scope.READ])
    client = room.member(role)
    assert page(room, "api-key-list") not in text_of(client.get(page(room, "settings")))
    assert client.get(page(room, "member-list")).status_code == 200
    assert client.post(page(room, "settings"), {"name": "Mine"}).status_code == 403
    assert client.get(page(room, "api-key-list")).status_code == 403
    assert client.post(page(room, "api-key-list"), {"name": "x", "scope": "all", "lasts": "0"}).status_code == 403
    assert client.post(page(room, "api-key-revoke", made.row.pk)).status_code == 403
    assert api_key_find(made.text) is not None


def test_keys_of_another_project_do_not_exist(room: Room) -> None:
    other = make_room()
    made = api_key_create(project=other.project, name="CI", scopes=[Scope.READ])
    assert room.client.post(page(room, "api-key-revoke", made.row.pk)).status_code == 404
    assert room.client.get(page(other, "api-key-list")).status_code == 404
    assert api_key_find(made.text) is not None


# -- a new project --------------------------------------------------------------------------------------------------


def test_whoever_makes_a_project_is_its_admin_and_others_do_not_see_it(room: Room) -> None:
    other = room.member(Role.EDITOR)
    assert 'href="/new-project/"' in text_of(room.client.get(room.address))
    answer = room.client.post("/new-project/", {"name": "Help desk"}, follow=True)
    assert answer.redirect_chain == [("/p/help-desk/", 302)]
    assert "“Help desk” is there, and you are its admin." in text_of(answer)
    assert "First steps" in text_of(answer)
    assert room.client.get("/p/help-desk/settings/api-keys/").status_code == 200
    assert other.get("/p/help-desk/").status_code == 404


def test_projects_of_the_same_name_have_addresses_of_their_own(room: Room) -> None:
    names = ["Help desk", "Help desk", "help  DESK!", "Hilfe", "日本語", "x" * 120]
    goes_to = [room.client.post("/new-project/", {"name": name})["Location"] for name in names]
    assert goes_to == [
        "/p/help-desk/", "/p/help-desk-2/", "/p/help-desk-3/", "/p/hilfe/", "/p/project/", f"/p/{'x' * 50}/"
    ]  # fmt: skip


def test_a_project_without_a_name_is_not_made(room: Room) -> None:
    before = Project.objects.count()
    assert room.client.post("/new-project/", {"name": " "}).status_code == 422
    assert Project.objects.count() == before


def test_people_without_a_project_can_make_one() -> None:
    client = Client()
    client.force_login(make_user())
    assert 'href="/new-project/"' in text_of(client.get("/"))
    assert client.post("/new-project/", {"name": "Mine"}, follow=True).status_code == 200
