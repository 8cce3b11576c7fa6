"""Your account: the name, the password, where you are signed in; and a password that was forgotten."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from llmops.core.models import AskedReset, AuditEntry, SignIn, User
from llmops.core.selectors.accounts import reset_link
from llmops.core.services import resets
from llmops.core.services.accounts import ResetLinkVoid, password_reset
from llmops.core.services.mails import password_reset_mail
from llmops.core.services.resets import reset_ask
from llmops.core.tasks import send_password_reset, sweep
from tests.core.factories import make_room, make_user
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
OLD, NEW = "a good password", "a rather better one"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def browser(user: User, *, password: str = OLD, **extra: Any) -> Client:
    client = Client(**extra)
    answer = client.post("/sign-in/", {"username": user.email, "password": password})
    assert answer.status_code == 302, text_of(answer)
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/account/").status_code == 200)


# -- name and password ----------------------------------------------------------------------------------------------


def test_the_page_is_reached_from_the_menu_and_saves_the_name() -> None:
    room = make_room()
    assert 'href="/account/"' in text_of(room.client.get(room.address))
    answer = room.client.post("/account/", {"name": "Ana Diaz"}, follow=True)
    assert "Your name is saved." in text_of(answer)
    assert room.project.name in text_of(answer), "no way back to the project"
    assert User.objects.get(pk=room.admin.pk).name == "Ana Diaz"
    assert room.client.post("/account/", {"name": ""}).status_code == 422


def test_a_new_name_is_in_the_audit_trail_so_that_nobody_acts_under_anothers_unseen() -> None:
    user = make_user(name="Ana")
    client = browser(user)
    for name in ("Bo", "Bo"):
        assert client.post("/account/", {"name": name}).status_code == 302
    (entry,) = AuditEntry.objects.filter(action="renamed")
    assert (str(entry), entry.user_id) == ("Ana is called “Bo” from now on", user.pk)
    assert entry.before == {"account": user.email, "name": "Ana"}
    assert entry.after == {"account": user.email, "name": "Bo"}


@pytest.mark.parametrize("name", ["Ana\r\nOpen http://example.com", "\u202eanA", "\u200b"])
def test_what_people_call_themselves_and_things_looks_like_what_it_is(name: str) -> None:
    room = make_room()
    here, view = room.address, {"place": "prompts", "query": "q=x"}
    for path, more in (
        *(("/account/", {}), ("/new-project/", {}), (f"{here}settings/", {}), (f"{here}save-view/", view)),
        (f"{here}settings/api-keys/", {"scope": "read", "lasts": "0"}),
    ):
        assert room.client.post(path, {**more, "name": name}).status_code == 422, path
        assert room.client.post(path, {**more, "name": "Ana / Müller 🙂"}).status_code < 400, path


def test_a_changed_password_signs_out_every_browser_but_this_one_with_its_next_request() -> None:
    user = make_user()
    here, there = browser(user), browser(user)
    answer = here.post("/account/password/", {"current": OLD, "password": NEW}, follow=True)
    assert "Your password is changed." in text_of(answer)
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert not Client().login(username=user.email, password=OLD)
    assert is_signed_in(browser(user, password=NEW))


def test_the_key_of_the_sign_in_is_another_after_the_password_was_changed() -> None:
    here = browser(make_user())
    before = here.session.session_key
    here.post("/account/password/", {"current": OLD, "password": NEW})
    assert here.session.session_key != before
    assert not SignIn.objects.filter(pk=before).exists()


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"current": "wrong", "password": NEW}, "This is not your current password."),
        ({"current": OLD, "password": "s3cr"}, "too short"),
        ({"current": OLD, "password": "password1234"}, "too common"),
        ({"current": OLD, "password": ""}, "Choose a password."),
    ],
)
def test_a_password_is_refused_with_a_reason_and_nothing_changes(typed: dict[str, str], problem: str) -> None:
    user = make_user()
    here, there = browser(user), browser(user)
    answer = here.post("/account/password/", typed)
    assert answer.status_code == 422
    assert problem in text_of(answer)
    assert is_signed_in(there)
    assert Client().login(username=user.email, password=OLD)
    assert typed["password"] == "" or typed["password"] not in text_of(answer)


# -- where you are signed in ----------------------------------------------------------------------------------------


def test_the_list_says_browser_address_and_which_one_this_is() -> None:
    user = make_user()
    there = browser(user, headers={"user-agent": FIREFOX, "x-forwarded-for": "198.51.100.7"})
    there.get("/account/")
    text = text_of(browser(user).get("/account/"))
    assert "Firefox on Linux" in text
    assert "198.51.100.7" in text
    assert text.count("this browser") == 1


def test_one_browser_is_signed_out_and_the_others_stay() -> None:
    user = make_user()
    here, there, third = browser(user), browser(user), browser(user)
    mark = SignIn.objects.get(pk=there.session.session_key).mark
    assert f"/account/sign-ins/{mark}/end/" in text_of(here.get("/account/"))
    here.post(f"/account/sign-ins/{mark}/end/")
    assert [is_signed_in(each) for each in (here, there, third)] == [True, False, True]
    assert here.post(f"/account/sign-ins/{mark}/end/").status_code == 404


def test_all_other_browsers_are_signed_out_at_once() -> None:
    user = make_user()
    here, there, third = browser(user), browser(user), browser(user)
    assert "2 browsers are signed out." in text_of(here.post("/account/sign-ins/others/end/", follow=True))
    assert [is_signed_in(each) for each in (here, there, third)] == [True, False, False]
    assert "Sign out everywhere else" not in text_of(here.get("/account/"))


def test_nobody_ends_or_sees_the_sign_ins_of_another() -> None:
    mine, theirs = browser(make_user()), browser(make_user(), headers={"user-agent": FIREFOX})
    theirs.get("/account/")
    mark = SignIn.objects.get(pk=theirs.session.session_key).mark
    assert mine.post(f"/account/sign-ins/{mark}/end/").status_code == 404
    mine.post("/account/sign-ins/others/end/")
    assert is_signed_in(theirs)
    assert "Firefox" not in text_of(mine.get("/account/"))


def test_the_key_that_opens_a_sign_in_is_on_no_page() -> None:
    here = browser(make_user())
    assert here.session.session_key not in text_of(here.get("/account/"))


def test_a_visit_is_noted_once_a_minute_and_outlives_changes_of_the_session() -> None:
    user, start = make_user(), timezone.now().replace(microsecond=0)
    with time_machine.travel(start, tick=False) as clock:
        here = browser(user)
        here.get("/account/")
        clock.shift(timedelta(seconds=59))
        here.get("/account/")
        assert SignIn.objects.get(user=user).seen_at == start
        session = here.session
        session["a choice"] = 1
        session.save()
        assert SignIn.objects.get(user=user).seen_at == start
        clock.shift(timedelta(seconds=2))
        here.get("/account/")
        assert SignIn.objects.get(user=user).seen_at == start + timedelta(seconds=61)


def test_sign_ins_that_have_ended_are_swept_away() -> None:
    here, there = browser(make_user()), browser(make_user())
    SignIn.objects.filter(pk=there.session.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))
    sweep()
    assert SignIn.objects.filter(pk=here.session.session_key).exists()
    assert not SignIn.objects.filter(pk=there.session.session_key).exists()


# -- a forgotten password -------------------------------------------------------------------------------------------


class Asked(list[int]):
    """For whom a worker was asked to send mail, in place of a broker."""

    def __call__(self, **ids: int) -> None:
        self.append(ids["user_id"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    monkeypatch.setattr(send_password_reset, "delay", asked)
    return asked


def test_the_answer_does_not_tell_whether_there_is_an_account(asked: Asked) -> None:
    user = make_user()
    known = text_of(Client().post("/forgotten-password/", {"email": user.email.upper()}))
    unknown = text_of(Client().post("/forgotten-password/", {"email": "nobody@example.com"}))

    def without_what_differs(text: str) -> str:
        return re.sub(r"X-CSRFToken\": \"\w+|" + re.escape(user.email) + "|nobody@example.com", "", text, flags=re.I)

    assert without_what_differs(known) == without_what_differs(unknown)
    assert asked == [user.pk, 0], "a worker is asked in both cases, so that both take as long"


def ask(email: str, *, address: str = "192.0.2.7") -> Any:
    return Client(REMOTE_ADDR=address).post("/forgotten-password/", {"email": email})


def test_an_account_gets_three_mails_an_hour_and_nobody_can_tell(asked: Asked) -> None:
    user, start = make_user(), datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock:
        answers = [ask(user.email.upper() if at % 2 else user.email, address=f"192.0.2.{at}") for at in range(5)]
        assert asked == [user.pk] * 3 + [0] * 2
        assert {answer.status_code for answer in answers} == {200}
        assert all("a link to choose a new password is on its way" in text_of(answer) for answer in answers)
        unknown = [ask("nobody@example.com") for _ in range(5)]
        assert {len(answer.content) - len("nobody@example.com") for answer in unknown} == {
            len(answer.content) - len(user.email) for answer in answers
        }
        clock.move_to(start + timedelta(minutes=59, seconds=59))
        ask(user.email)
        clock.move_to(start + timedelta(minutes=60, seconds=1))
        ask(user.email)
    assert asked[-2:] == [0, user.pk]
    with time_machine.travel(start + timedelta(hours=3)):
        sweep()
    assert not AskedReset.objects.exists()


def test_one_address_cannot_have_many_people_mailed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resets, "MOST_OF_ADDRESS", 2)
    users = [make_user() for _ in range(4)]
    for at, user in enumerate(users[:3]):
        ask(user.email, address=f"2001:db8:1:2::{at}")
    ask(users[3].email, address="2001:db8:1:3::1")
    assert asked == [users[0].pk, users[1].pk, 0, users[3].pk]


def test_a_mail_that_could_not_be_asked_for_does_not_count(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    with monkeypatch.context() as broken:
        broken.setattr("llmops.core.views.forgotten.ask_for_mail", lambda *_task, **_ids: False)
        assert {ask(user.email).status_code for _ in range(5)} == {422}
    assert not AuditEntry.objects.filter(action="reset_asked").exists()
    ask(user.email)
    assert asked == [user.pk]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_the_same_moment_three_get_mail() -> None:
    user, mailed = make_user(), []

    def mail_to(user_id: int) -> bool:
        mailed.append(user_id)
        return True

    in_threads(
        *[partial(reset_ask, email=user.email, address=f"192.0.2.{at}", mail=mail_to) for at in range(6)], within_s=20
    )
    assert sorted(mailed) == [0] * 3 + [user.pk] * 3


def test_nobody_who_may_not_sign_in_gets_mail() -> None:
    user = make_user()
    User.objects.filter(pk=user.pk).update(is_active=False)
    password_reset_mail(user_id=user.pk)
    password_reset_mail(user_id=0)
    assert mail.outbox == []


def test_the_mailed_link_gives_a_new_password_once_and_ends_all_sign_ins() -> None:
    user = make_user()
    there = browser(user)
    send_password_reset(user_id=user.pk)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([user.email], "A new password for llmops")
    (link,) = re.findall(r"http\S+", sent.body)
    path, visitor = urlsplit(link).path, Client()
    assert user.email in text_of(visitor.get(path))
    assert visitor.post(path, {"password": "short"}).status_code == 422
    answer = visitor.post(path, {"password": NEW}, follow=True)
    assert "Your password is changed. Sign in with it." in text_of(answer)
    assert not is_signed_in(there)
    assert not is_signed_in(visitor)
    assert is_signed_in(browser(user, password=NEW))
    for again in (visitor.get(path), visitor.post(path, {"password": OLD})):
        assert again.status_code == 410
    assert not Client().login(username=user.email, password=OLD)


def test_the_link_ends_after_an_hour() -> None:
    user, start = make_user(), timezone.now()
    path = urlsplit(reset_link(user)).path
    with time_machine.travel(start + timedelta(minutes=59)):
        assert Client().get(path).status_code == 200
    with time_machine.travel(start + timedelta(minutes=61)):
        assert Client().get(path).status_code == 410
        assert Client().post(path, {"password": NEW}).status_code == 410


def test_a_link_is_void_once_the_person_has_signed_in_or_changed_the_password() -> None:
    user = make_user()
    path = urlsplit(reset_link(user)).path
    browser(user)
    assert Client().get(path).status_code == 410


@pytest.mark.parametrize("token", ["x", "1-x", "-", "zzzzzzzzzzzzzzzzzzzz-x"])
def test_a_link_that_we_did_not_make_opens_nothing(token: str) -> None:
    assert Client().get(f"/new-password/{token}/").status_code == 410


def test_a_link_for_one_does_not_work_for_another() -> None:
    one, other = make_user(), make_user()
    token = urlsplit(reset_link(one)).path.split("/")[2]
    swapped = re.sub(r"^\w+-", f"{int(str(other.pk)):x}-", token)
    assert Client().get(f"/new-password/{swapped}/").status_code == 410


def test_when_no_worker_can_be_asked_the_page_says_so_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops.core.views.forgotten.ask_for_mail", lambda *_task, **_ids: False)
    for email in (make_user().email, "nobody@example.com"):
        answer = Client().post("/forgotten-password/", {"email": email})
        assert answer.status_code == 422
        assert "try again in a few minutes" in text_of(answer)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_link_at_the_same_moment_one_succeeds() -> None:
    user = make_user()
    token = urlsplit(reset_link(user)).path.split("/")[2]
    outcomes = []

    def use(number: int) -> None:
        try:
            password_reset(token, password=f"{NEW} {number}")
            outcomes.append("changed")
        except ResetLinkVoid:
            outcomes.append("void")

    in_threads(*[partial(use, number) for number in range(4)], within_s=20)
    assert sorted(outcomes) == ["changed", "void", "void", "void"]
