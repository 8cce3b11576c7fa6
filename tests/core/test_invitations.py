"""Invitations: sent, copied, accepted once by the right person."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from llmops.core.choices import Role
from llmops.core.models import Invitation, Membership, User
from llmops.core.selectors.invitations import invitation_link
from llmops.core.services import member_set
from llmops.core.services.invitations import (
    InvitationVoid,
    invitation_accept,
    invitation_revoke,
    invitation_send,
    invitation_send_again,
)
from llmops.core.services.mails import invitation_mail
from tests.core.factories import Room, make_room, make_user
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
NEW = {"name": "Cleo", "password": "a rather good one"}


def page(room: Room, name: str, *args: Any) -> str:
    return reverse(f"core:{name}", args=[room.project.slug, *args])


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def invite(room: Room, *, email: str = "cleo@example.com", role: Role = Role.REVIEWER) -> Invitation:
    return invitation_send(project=room.project, email=email, role=role, invited_by=room.admin)


def link(invitation: Invitation) -> str:
    return urlsplit(invitation_link(invitation)).path


def signed_in_as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def role_in(room: Room, email: str) -> str | None:
    return Membership.objects.filter(project=room.project, user__email=email).values_list("role", flat=True).first()


def test_inviting_shows_the_link_and_whoever_opens_it_joins_with_a_new_account() -> None:
    room = make_room()
    shown = room.client.post(
        page(room, "member-invite"), {"email": "Cleo@Example.com", "role": "reviewer"}, follow=True
    )
    (address,) = set(re.findall(r"http://[^\s<\"]+/invitations/[^\s<\"]+", text_of(shown)))
    visitor = Client()
    assert "Ana invites you as reviewer." in text_of(visitor.get(urlsplit(address).path))
    answer = visitor.post(urlsplit(address).path, NEW, follow=True)
    assert "Welcome to" in text_of(answer)
    assert role_in(room, "cleo@example.com") == "reviewer"
    assert User.objects.get(email="cleo@example.com").check_password(NEW["password"])


def test_the_mail_holds_the_link_and_nothing_is_mailed_for_a_withdrawn_invitation() -> None:
    invitation = invite(make_room())
    invitation_mail(invitation_id=invitation.pk)
    (sent,) = mail.outbox
    assert sent.to == ["cleo@example.com"]
    assert sent.subject == "Join “Bank assistant” on llmops"
    assert invitation_link(invitation) in sent.body
    invitation_revoke(invitation)
    invitation_mail(invitation_id=invitation.pk)
    assert len(mail.outbox) == 1


def test_a_weak_password_is_refused_and_nothing_is_made() -> None:
    room = make_room()
    invitation = invite(room)
    for weak in ("short", "password1234", "cleo@example.com"):
        answer = Client().post(link(invitation), {"name": "Cleo", "password": weak})
        assert answer.status_code == 422
    assert not User.objects.filter(email="cleo@example.com").exists()
    assert Client().get(link(invitation)).status_code == 200


def test_whoever_has_an_account_signs_in_and_presses_the_button() -> None:
    room, user = make_room(), make_user()
    invitation = invite(room, email=user.email.upper())
    text = text_of(Client().get(link(invitation)))
    assert "There is an account with this address." in text
    assert Client().post(link(invitation), NEW).status_code == 200
    assert role_in(room, user.email) is None, "an account was taken over without its password"
    assert signed_in_as(user).post(link(invitation)).status_code == 302
    assert role_in(room, user.email) == "reviewer"


def test_an_invitation_for_one_cannot_be_used_by_another() -> None:
    room, other = make_room(), make_user()
    invitation = invite(room)
    client = signed_in_as(other)
    assert "somebody else" in text_of(client.get(link(invitation)))
    assert client.post(link(invitation)).status_code == 403
    assert role_in(room, other.email) is None


@pytest.mark.parametrize("way", ["used", "revoked", "expired", "sent again"])
def test_a_void_link_opens_nothing(way: str) -> None:
    room = make_room()
    invitation = invite(room)
    address = link(invitation)
    if way == "used":
        Client().post(address, NEW)
        Membership.objects.filter(user__email="cleo@example.com").delete()
    elif way == "revoked":
        room.client.post(page(room, "invitation-withdraw", invitation.pk))
    elif way == "expired":
        Invitation.objects.update(expires_at=timezone.now())
    else:
        room.client.post(page(room, "invitation-resend", invitation.pk))
    expected = 404 if way == "sent again" else 410
    assert Client().get(address).status_code == expected
    assert Client().post(address, NEW).status_code == expected
    user = User.objects.filter(email="cleo@example.com").first() or make_user()
    assert signed_in_as(user).post(address).status_code == expected
    assert role_in(room, "cleo@example.com") is None


def test_a_link_that_we_did_not_sign_is_not_there() -> None:
    address = link(invite(make_room()))
    token = address.split("/")[2]
    pk, serial, signature = token.split(".")
    for forged in (f"{pk}.{serial}.{signature[:-1]}x", f"{int(pk) + 1}.{serial}.{signature}", f"{pk}.{serial}", "x"):
        assert Client().get(f"/invitations/{forged}/").status_code == 404


def test_sending_again_lasts_as_long_as_the_first_time_and_works() -> None:
    room = make_room()
    invitation = invite(room)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    answer = room.client.post(page(room, "invitation-resend", invitation.pk), follow=True)
    invitation.refresh_from_db()
    assert invitation_link(invitation) in text_of(answer)
    assert Client().post(link(invitation), NEW).status_code == 302


def test_what_is_offered_for_an_invitation_is_what_can_be_done(settings: Any) -> None:
    room = make_room()
    invitation = invite(room)
    Invitation.objects.update(expires_at=timezone.now() + timedelta(days=7))

    def offered(query: str = "") -> list[str]:
        text = text_of(room.client.get(page(room, "member-list") + query))
        table = text[text.index("Open invitations") :]
        return [words for words in ("Show link", "Send again", "New link", "Withdraw") if words in table]

    settings.MAIL_IS_SENT = True
    assert offered() == ["Show link", "Send again", "Withdraw"]
    settings.MAIL_IS_SENT = False
    assert offered() == ["Show link", "Withdraw"], "nothing can be sent"
    assert offered(f"?invited={invitation.pk}") == ["Withdraw"], "its link is shown already"
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert offered() == ["New link", "Withdraw"]


def test_the_page_says_on_which_day_an_invitation_ends() -> None:
    room = make_room()
    invitation = invite(room)
    Invitation.objects.update(expires_at=datetime(2126, 12, 5, 9, 30, tzinfo=UTC))
    text = text_of(room.client.get(page(room, "member-list") + f"?invited={invitation.pk}"))
    day = '<time datetime="2126-12-05T09:30:00+00:00" title="5 Dec 2126, 09:30 UTC" data-day>5 Dec 2126</time>'
    assert text.count(day) == 2, "beside its link, and in the list"


def test_inviting_again_changes_the_role_and_makes_no_second_invitation() -> None:
    room = make_room()
    first = invite(room)
    second = invite(room, email="CLEO@example.com", role=Role.ADMIN)
    assert first.pk == second.pk
    assert (second.role, Invitation.objects.count()) == ("admin", 1)


def test_a_member_cannot_be_invited() -> None:
    room = make_room()
    answer = room.client.post(page(room, "member-invite"), {"email": room.admin.email.upper(), "role": "viewer"})
    assert answer.status_code == 422
    assert "is a member already" in text_of(answer)


def test_whoever_became_a_member_meanwhile_keeps_the_role() -> None:
    room, user = make_room(), make_user()
    invitation = invite(room, email=user.email, role=Role.VIEWER)
    member_set(project=room.project, user=user, role=Role.EDITOR)
    invitation_accept(invitation, user=user)
    assert role_in(room, user.email) == "editor"


def test_links_are_for_administrators_only() -> None:
    room = make_room()
    invitation = invite(room)
    viewer = room.member(Role.RELEASER)
    text = text_of(viewer.get(page(room, "member-list") + f"?invited={invitation.pk}"))
    assert "cleo@example.com" not in text
    assert invitation.serial not in text


def test_an_invitation_of_another_project_is_not_there() -> None:
    room, other = make_room(), make_room()
    invitation = invite(other)
    for name in ("invitation-resend", "invitation-withdraw"):
        assert room.client.post(page(room, name, invitation.pk)).status_code == 404
    assert "cleo" not in text_of(room.client.get(page(room, "member-list") + f"?invited={invitation.pk}"))


def test_a_used_invitation_cannot_be_sent_again() -> None:
    invitation = invite(make_room())
    Client().post(link(invitation), NEW)
    with pytest.raises(InvitationVoid):
        invitation_send_again(invitation)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_accept_at_the_same_moment_one_succeeds() -> None:
    room, user = make_room(), make_user()
    invitation = invite(room, email=user.email)
    outcomes = []

    def accept() -> None:
        try:
            invitation_accept(invitation, user=user)
            outcomes.append("joined")
        except InvitationVoid:
            outcomes.append("void")

    in_threads(*[accept] * 4, within_s=20)
    assert sorted(outcomes) == ["joined", "void", "void", "void"]
