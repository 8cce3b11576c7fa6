"""Saved views: whose they are, what they keep, and the way back."""

from __future__ import annotations

import re

import pytest

from llmops.core.choices import Role
from llmops.core.models import SavedView
from tests.core.factories import Room, make_user, signed_in
from tests.evals_app.factories import make_world

pytestmark = pytest.mark.django_db


def keep(room: Room, name: str = "Old ones", *, place: str = "prompts", query: str = "archived=1", **typed: str) -> int:
    answer = room.client.post(f"{room.address}save-view/", {"name": name, "place": place, "query": query, **typed})
    return answer.status_code


def tabs(room: Room, path: str = "prompts/?archived=1") -> list[str]:
    text = room.client.get(room.address + path).content.decode()
    found = re.search(r'<nav class="tabs" aria-label="Saved views">(.*?)</nav>', text, re.S)
    return re.findall(r'<a class="tab"[^>]*>([^<]+)</a>', found[1]) if found else []


def test_a_list_that_is_narrowed_down_can_be_kept_and_stands_above_it(room: Room) -> None:
    page = room.client.get(f"{room.address}prompts/?archived=1").content.decode()
    assert "Save this view" in page
    answer = room.client.post(
        f"{room.address}save-view/",
        {"place": "prompts", "name": "Old ones", "query": "archived=1&at=x&tag="},
        follow=True,
    )
    assert answer.redirect_chain[-1][0] == f"{room.address}prompts/?archived=1"
    assert tabs(room) == ["All prompts", "Old ones"]
    kept = answer.content.decode()
    assert "Save this view" not in kept
    assert "Rename or remove" in kept
    assert "Save this view" in room.client.get(f"{room.address}prompts/?tag=x").content.decode()


def test_a_view_is_its_makers_alone_until_it_is_shared(room: Room) -> None:
    keep(room)
    other = Room(room.project, room.admin, room.member(Role.VIEWER))
    assert tabs(other) == []
    view = SavedView.objects.get()
    assert other.client.get(f"{room.address}views/{view.pk}/").status_code == 404
    room.client.post(f"{room.address}views/{view.pk}/", {"name": "Old", "shared": "on"})
    assert tabs(other) == ["All prompts", "Old"]
    assert other.client.get(f"{room.address}views/{view.pk}/").status_code == 403
    assert other.client.post(f"{room.address}views/{view.pk}/remove/").status_code == 403


def test_who_may_only_look_keeps_views_but_cannot_share_them(room: Room) -> None:
    viewer = Room(room.project, room.admin, room.member(Role.VIEWER))
    assert "Everybody in the project" not in viewer.client.get(f"{room.address}prompts/?archived=1").content.decode()
    assert keep(viewer, shared="on") == 302
    assert not SavedView.objects.get().is_shared
    assert tabs(viewer) == ["All prompts", "Old ones"]


def test_removing_a_view_is_undone(room: Room) -> None:
    keep(room)
    view = SavedView.objects.get()
    removed = room.client.post(f"{room.address}views/{view.pk}/remove/", follow=True).content.decode()
    assert f"{room.address}views/{view.pk}/put-back/" in removed
    assert tabs(room) == []
    room.client.post(f"{room.address}views/{view.pk}/put-back/")
    assert tabs(room) == ["All prompts", "Old ones"]


def test_a_name_that_came_into_use_meanwhile_keeps_a_removed_view_away(room: Room) -> None:
    keep(room)
    view = SavedView.objects.get()
    room.client.post(f"{room.address}views/{view.pk}/remove/")
    keep(room)
    answer = room.client.post(f"{room.address}views/{view.pk}/put-back/", follow=True)
    assert "already" in answer.content.decode()
    assert tabs(room) == ["All prompts", "Old ones"]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": ""}, "Give the view a name."),
        ({"name": "x" * 61}, "at most 60"),
        ({"name": "Old ones"}, "already"),
        ({"name": "All", "query": "at=x"}, "narrow it down first"),
        ({"name": "All", "query": "q=" + "x" * 2000}, "narrow it down first"),
    ],
)
def test_what_cannot_be_kept_is_said_where_it_was_typed(room: Room, typed: dict[str, str], says: str) -> None:
    keep(room)
    answer = room.client.post(f"{room.address}save-view/", {"place": "prompts", "query": "archived=1", **typed})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert SavedView.objects.count() == 1


def test_cases_have_views_of_their_own_in_each_dataset() -> None:
    world = make_world(n_cases=2)
    person = make_user()
    room = Room(world.project, person, signed_in(person, world.project, Role.EDITOR))
    other = world.with_cases(["a"])
    keep(room, "Open", place="cases", query="unanswered=1", subject=str(world.dataset.pk))
    assert tabs(room, f"datasets/{world.dataset.name}/") == ["All cases", "Open"]
    assert tabs(room, f"datasets/{other.name}/") == []
    elsewhere = make_world(n_cases=1).dataset
    assert keep(room, "Open", place="cases", query="q=x", subject=str(elsewhere.pk)) == 404
    assert keep(room, "Open", place="cases", query="q=x", subject="²") == 404
    assert keep(room, "Open", place="nowhere", query="q=x") == 404


def test_views_of_a_list_that_one_may_not_open_stay_closed(room: Room) -> None:
    keep(room, "Keys", place="audit", query="kind=api_key", shared="on")
    trail = room.client.get(f"{room.address}settings/audit/").content.decode()
    assert re.findall(r'<a class="menu-item"[^>]*>(All entries|Keys)<', trail) == ["All entries", "Keys"]
    assert trail.count('class="tabs"') == 1, "beside the tabs of the settings a second row would be lost"
    editor = Room(room.project, room.admin, room.member(Role.EDITOR))
    assert keep(editor, place="audit", query="kind=api_key") == 403
    assert editor.client.get(f"{room.address}views/{SavedView.objects.get().pk}/").status_code == 403
