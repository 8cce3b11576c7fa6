"""Who may do what: every role against every action."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from llmops.core.access import LOWEST_ROLE, Action, Actor, ProjectRequest, actor_for_user, project_page
from llmops.core.choices import Role
from llmops.core.services import member_set
from tests.core.factories import Room, make_room, make_user

pytestmark = pytest.mark.django_db
RANKS = list(Role)


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", RANKS)
def test_a_role_may_what_it_and_the_ones_below_may(action: Action, role: Role) -> None:
    actor = Actor(project=make_room().project, role=role)
    assert actor.may(action) is (RANKS.index(role) >= RANKS.index(LOWEST_ROLE[action]))


def test_every_action_has_a_lowest_role() -> None:
    assert set(LOWEST_ROLE) == set(Action)


def test_a_stranger_finds_no_project() -> None:
    with pytest.raises(Http404):
        actor_for_user(make_user(), project_slug=make_room().project.slug)


@project_page(Action.VIEW, post=Action.EDIT_PROJECT)
def sample(request: ProjectRequest) -> HttpResponse:
    return HttpResponse(request.actor.role)


@project_page(Action.TRY_PROMPT)
async def async_sample(request: ProjectRequest) -> HttpResponse:
    return HttpResponse(request.actor.role)


def ask(room: Room, user: Any, *, verb: str = "get") -> Any:
    request = getattr(RequestFactory(), verb)("/")
    request.user = user
    return sample(request, project=room.project.slug)


def test_unsafe_methods_may_ask_for_more() -> None:
    room, user = make_room(), make_user()
    member_set(project=room.project, user=user, role=Role.VIEWER)
    assert ask(room, user).content == b"viewer"
    assert ask(room, user, verb="head").content == b"viewer"
    with pytest.raises(PermissionDenied):
        ask(room, user, verb="post")
    member_set(project=room.project, user=user, role=Role.ADMIN)
    assert ask(room, user, verb="post").content == b"admin"
    for verb in ("put", "delete", "patch", "options"):
        assert ask(room, user, verb=verb).status_code == 405


@pytest.mark.django_db(transaction=True)
async def test_async_pages_follow_the_same_rule() -> None:
    room, user = await sync_to_async(make_room)(), await sync_to_async(make_user)()
    request: Any = RequestFactory().post("/")
    request.user = user
    with pytest.raises(Http404):
        await async_sample(request, project=room.project.slug)
    await sync_to_async(member_set)(project=room.project, user=user, role=Role.REVIEWER)
    with pytest.raises(PermissionDenied):
        await async_sample(request, project=room.project.slug)
    await sync_to_async(member_set)(project=room.project, user=user, role=Role.EDITOR)
    assert (await async_sample(request, project=room.project.slug)).content == b"editor"


@pytest.mark.parametrize(
    ("verb", "sender", "back"),
    [
        ("get", "", "/p/room/prompts/?tag=x"),
        ("post", "http://testserver/p/room/new-prompt/?from=3", "/p/room/new-prompt/?from=3"),
        ("post", "http://elsewhere.example.com/p/room/new-prompt/", "/p/room/prompts/?tag=x"),
        ("post", "", "/p/room/prompts/?tag=x"),
    ],
)
def test_whoever_signs_in_again_is_brought_back_to_the_form_that_was_sent(verb: str, sender: str, back: str) -> None:
    request = getattr(RequestFactory(), verb)("/p/room/prompts/?tag=x", headers={"Referer": sender} if sender else {})
    request.user = AnonymousUser()
    answer = sample(request, project="room")
    assert parse_qs(urlsplit(answer["Location"]).query) == {"next": [back]}
