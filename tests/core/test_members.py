"""Members: other roles, removal, and the administrator who always stays."""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from llmops.core.choices import Role
from llmops.core.models import Membership, User
from llmops.core.services import LastAdmin, api_key_create, member_remove, member_set
from tests.core.factories import Room, make_room, make_user, signed_in
from tests.threads import in_threads


def page(room: Room, name: str, *args: Any) -> str:
    return reverse(f"core:{name}", args=[room.project.slug, *args])


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def joined(room: Room, role: Role, *, name: str = "Ben") -> Membership:
    return member_set(project=room.project, user=make_user(name=name), role=role)


@pytest.mark.django_db
def test_an_administrator_gives_another_role_that_counts_at_once() -> None:
    room = make_room()
    member = joined(room, Role.VIEWER)
    theirs = signed_in(member.user, room.project, Role.VIEWER)
    assert theirs.get(page(room, "member-invite")).status_code == 403
    answer = room.client.post(page(room, "member-edit", member.pk), {"role": "admin"}, follow=True)
    assert "Ben is admin from now on." in text_of(answer)
    assert theirs.get(page(room, "member-invite")).status_code == 200


@pytest.mark.django_db
def test_a_removed_member_finds_no_project_with_the_next_request() -> None:
    room = make_room()
    member = joined(room, Role.EDITOR)
    theirs = signed_in(member.user, room.project, Role.EDITOR)
    assert theirs.get(room.address).status_code == 200
    assert room.client.post(page(room, "member-remove", member.pk)).status_code == 302
    assert theirs.get(room.address).status_code in {302, 404}
    assert not Membership.objects.filter(pk=member.pk).exists()


@pytest.mark.django_db
def test_removal_says_which_keys_go_on_working() -> None:
    room = make_room()
    member = joined(room, Role.ADMIN)
    api_key_create(project=room.project, name="CI", scopes=[], created_by=member.user)
    text = text_of(room.client.get(page(room, "member-remove", member.pk)))
    assert "1 API key made by this person keeps working." in text


@pytest.mark.django_db
def test_members_of_another_project_cannot_be_touched() -> None:
    room, other = make_room(), make_room()
    theirs = joined(other, Role.VIEWER)
    for name in ("member-edit", "member-remove"):
        assert room.client.post(page(room, name, theirs.pk), {"role": "admin"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.role == Role.VIEWER


@pytest.mark.django_db
def test_the_pages_explain_why_the_last_administrator_stays() -> None:
    room = make_room()
    own = Membership.objects.get(project=room.project)
    for name, status in (("member-edit", 422), ("member-remove", 409)):
        answer = room.client.post(page(room, name, own.pk), {"role": "viewer"})
        assert answer.status_code == status
        assert "Give somebody else the role admin first." in text_of(answer)
    own.refresh_from_db()
    assert own.role == Role.ADMIN


@pytest.mark.django_db
def test_a_large_team_is_searched_by_name_and_e_mail() -> None:
    room = make_room()
    for name in ("Ben Ash", "Cleo", *["Dora"] * 9):
        joined(room, Role.VIEWER, name=name)
    whole = text_of(room.client.get(page(room, "member-list")))
    assert "12 members." in whole
    assert 'type="search"' in whole
    found = text_of(room.client.get(page(room, "member-list") + "?q=ash+ben"))
    assert "Ben Ash" in found
    assert "Cleo" not in found
    assert "12 members." in found
    assert "No member fits" in text_of(room.client.get(page(room, "member-list") + "?q=%00nobody"))


@pytest.mark.django_db
def test_a_small_team_needs_no_search() -> None:
    room = make_room()
    shown = text_of(room.client.get(page(room, "member-list")))
    assert 'type="search"' not in shown[shown.index("<main") : shown.index("</main")]


@pytest.mark.django_db
def test_an_administrator_who_cannot_sign_in_does_not_count() -> None:
    room = make_room()
    asleep = joined(room, Role.ADMIN)
    User.objects.filter(pk=asleep.user_id).update(is_active=False)
    with pytest.raises(LastAdmin):
        member_remove(project=room.project, user=room.admin)
    member_remove(project=room.project, user=asleep.user)


@pytest.mark.django_db
def test_the_only_admin_is_not_offered_to_leave_and_read_why() -> None:
    room = make_room()
    joined(room, Role.VIEWER)
    me = Membership.objects.get(project=room.project, user=room.admin)

    def offers(name: str, *args: int) -> tuple[bool, bool]:
        shown = text_of(room.client.get(page(room, name, *args)))
        return page(room, "member-remove", me.pk) in shown, "the only admin" in shown

    other = joined(room, Role.ADMIN)
    assert offers("member-list") == offers("member-edit", me.pk) == (True, False)
    User.objects.filter(pk=other.user_id).update(is_active=False)
    assert offers("member-list") == offers("member-edit", me.pk) == (False, True)
    assert page(room, "member-remove", other.pk) in text_of(room.client.get(page(room, "member-list")))


@pytest.mark.django_db
def test_each_role_is_explained_in_a_sentence_of_its_own() -> None:
    room = make_room()
    for role in Role:
        joined(room, role)
    shown = text_of(room.client.get(page(room, "member-list")))
    told = re.findall(r'<td><span class="cell-note">([^<]+)</span></td>', shown)
    assert len(set(told)) == len(Role)
    assert all(re.match(r"(Reads everything|Does all that)\b.*\.$", words) for words in told)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("take", [member_remove, lambda **who: member_set(role=Role.VIEWER, **who)])
def test_two_administrators_who_take_away_each_other_leave_one(take: Any) -> None:
    room = make_room()
    other = joined(room, Role.ADMIN)
    refused = []

    def act(user: User) -> None:
        try:
            take(project=room.project, user=user)
        except LastAdmin:
            refused.append(user)

    in_threads(*[partial(act, user) for user in (room.admin, other.user)], within_s=20)
    assert len(refused) == 1
    assert Membership.objects.filter(project=room.project, role=Role.ADMIN).count() == 1
