"""R26: passwords cannot be tried often, and nothing tells whether there is an account."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.conf import settings as configured
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from llmops.core.models import AuditEntry, FailedSignIn, User
from llmops.core.services.accounts import password_change
from llmops.core.services.sign_ins import TooManyTries
from llmops.core.tasks import sweep
from tests.core.factories import make_user
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
RIGHT, WRONG = "a good password", "not-the-password-of-anybody"


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as coordinates:
        yield coordinates


def attempt(email: str, password: str = WRONG, *, address: str = "198.51.100.1") -> Any:
    client = Client(headers={"x-forwarded-for": address})
    return client.post("/sign-in/", {"username": email, "password": password})


def problem(answer: Any) -> str:
    (said,) = re.findall(r"(?:E-mail or password|Too many wrong)[^<]*", unescape(answer.content.decode()))
    return said


def lock(email: str, **where: str) -> None:
    for _ in range(5):
        assert attempt(email, **where).status_code == 422


# -- five for an account from an address ----------------------------------------------------------------------------


def test_after_five_wrong_passwords_even_the_right_one_is_not_looked_at(clock: time_machine.Coordinates) -> None:
    user = make_user()
    lock(user.email)
    answer = attempt(user.email.upper(), RIGHT)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert problem(answer) == (
        "Too many wrong passwords. Try again in 15 minutes, or choose a new password with a link that we mail you."
    )
    clock.shift(timedelta(minutes=14, seconds=1))
    assert "Try again in a minute" in problem(attempt(user.email, RIGHT))
    clock.shift(timedelta(seconds=59))
    assert attempt(user.email, RIGHT).status_code == 302


def test_tries_while_locked_do_not_make_it_last_longer(clock: time_machine.Coordinates) -> None:
    user = make_user()
    lock(user.email)
    clock.shift(timedelta(minutes=14))
    assert attempt(user.email).status_code == 429
    clock.shift(timedelta(minutes=1))
    assert attempt(user.email, RIGHT).status_code == 302


def test_the_right_password_in_time_forgets_the_wrong_ones() -> None:
    user = make_user()
    for _ in range(3):
        for _ in range(4):
            assert attempt(user.email).status_code == 422
        assert attempt(user.email, RIGHT).status_code == 302


def test_others_are_not_locked_out_with_them() -> None:
    user, other = make_user(), make_user()
    lock(user.email)
    assert attempt(other.email, RIGHT).status_code == 302
    assert attempt(user.email, RIGHT, address="198.51.100.2").status_code == 302


def test_an_account_that_does_not_exist_is_locked_with_the_same_words() -> None:
    lock("nobody@example.com")
    user = make_user()
    lock(user.email)
    assert problem(attempt("nobody@example.com")) == problem(attempt(user.email))


@pytest.mark.parametrize("typed", ["S\u0131ssi", "S\u0130SSI"])
def test_an_account_has_one_name_whatever_letters_the_database_takes_for_its_own(typed: str) -> None:
    """It writes a dotless i in capitals as any other: each spelling would have five tries of its own."""
    user = User.objects.create_user("sissi@example.com", RIGHT)
    for number, spelling in enumerate(("SISSI", " Sissi ", "sissi", "SiSSi", "sissi")):
        assert attempt(f"{spelling}@example.com", address="198.51.100.1").status_code == 422, number
    assert attempt(f"{typed}@example.com", RIGHT).status_code != 302
    assert attempt(f"{typed}@example.com", RIGHT, address="198.51.100.9").status_code != 302
    assert attempt(user.email, RIGHT, address="198.51.100.9").status_code == 302


def test_who_has_a_whole_net_of_addresses_has_five_tries_all_the_same() -> None:
    user = make_user()
    for number in range(5):
        attempt(user.email, address=f"2001:db8::{number + 1}")
    assert attempt(user.email, RIGHT, address="2001:db8::ffff:7").status_code == 429


def test_an_address_that_the_visitor_made_up_does_not_help() -> None:
    user = make_user()
    for number in range(5):
        attempt(user.email, address=f"203.0.113.{number}, 198.51.100.1")
    assert attempt(user.email, RIGHT, address="203.0.113.77, 198.51.100.1").status_code == 429


def test_a_new_password_opens_the_account_at_once() -> None:
    user = make_user()
    lock(user.email)
    password_change(user, password="another good one")
    assert attempt(user.email, "another good one").status_code == 302


def test_somebody_at_an_open_browser_cannot_try_the_password_often_either() -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    typed = {"current": WRONG, "password": "a brand new one"}
    for _ in range(5):
        assert "This is not your current password." in client.post("/account/password/", typed).content.decode()
    answer = client.post("/account/password/", typed | {"current": RIGHT})
    assert "Too many wrong passwords." in answer.content.decode()
    assert Client().login(username=user.email, password=RIGHT)


# -- a hundred from an address --------------------------------------------------------------------------------------


def test_after_a_hundred_from_an_address_nobody_signs_in_from_there(clock: time_machine.Coordinates) -> None:
    user = make_user()
    start = timezone.now()
    FailedSignIn.objects.bulk_create(
        FailedSignIn(account=f"account {number // 4}", address="198.51.100.1", at=start - timedelta(minutes=number / 4))
        for number in range(99)
    )
    assert attempt(user.email).status_code == 422
    answer = attempt(user.email, RIGHT)
    assert answer.status_code == 429
    assert problem(answer) == "Too many wrong passwords came from your network. Try again in 36 minutes."
    assert attempt(user.email, RIGHT, address="198.51.100.2").status_code == 302
    clock.shift(timedelta(minutes=36))
    assert attempt(user.email, RIGHT).status_code == 302


def test_failures_are_forgotten_after_an_hour() -> None:
    for minutes in (59, 61):
        FailedSignIn.objects.create(account="a", address="b", at=timezone.now() - timedelta(minutes=minutes))
    sweep()
    (kept,) = FailedSignIn.objects.all()
    assert kept.at > timezone.now() - timedelta(minutes=60)


# -- many at the same moment ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_many_tries_at_the_same_moment_five_are_answered() -> None:
    user = make_user()
    statuses = []
    in_threads(*[lambda: statuses.append(attempt(user.email).status_code)] * 12, within_s=30)
    assert sorted(statuses) == [422] * 5 + [429] * 7


def test_a_right_password_that_was_sent_before_the_lock_and_looked_at_after_it_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user()
    really = User.check_password

    def slowly(self: User, password: str) -> bool:
        """While this one is being looked at, five wrong ones arrive."""
        monkeypatch.setattr(User, "check_password", really)
        lock(user.email)
        return really(self, password)

    monkeypatch.setattr(User, "check_password", slowly)
    assert attempt(user.email, RIGHT).status_code == 429


# -- what is told and what is kept ----------------------------------------------------------------------------------


def test_known_and_unknown_accounts_take_the_same_steps(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deterministically; how long they take is measured by the full form."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    known, gone = make_user(), make_user()
    User.objects.filter(pk=gone.pk).update(is_active=False)
    hashed: list[str] = []
    for name in ("encode", "verify"):
        original = getattr(Argon2PasswordHasher, name)

        def counted(self: Any, *args: Any, original: Any = original, name: str = name, **kwargs: Any) -> Any:
            hashed.append(name)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    steps = []
    for email in (known.email, gone.email, "nobody@example.com"):
        hashed.clear()
        with CaptureQueriesContext(connection) as asked:
            answer = attempt(email)
        assert answer.status_code == 422
        kinds = [re.sub(r"'[^']*'|\d+", "?", query["sql"])[:60] for query in asked]
        steps.append((len(hashed), kinds, problem(answer)))
    assert steps[0] == steps[1] == steps[2]
    assert steps[0][0] == 1, "one hash each"


@pytest.mark.skipif(os.environ.get("TEST_FAULTS") != "full", reason="it measures, for minutes")
def test_known_and_unknown_accounts_take_as_long(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    user = make_user()
    took: dict[str, list[float]] = {user.email: [], "nobody@example.com": []}
    for number in range(200):
        for email, times in took.items():
            began = time.perf_counter()
            assert attempt(email, address=f"10.1.{number}.1").status_code == 422
            times.append(time.perf_counter() - began)
    known, unknown = map(statistics.median, took.values())
    print(f"known {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms, medians of 200")  # noqa: T201  see -s
    assert abs(known - unknown) / unknown < 0.10


def test_what_was_typed_is_kept_nowhere() -> None:
    attempt("my secret password in the wrong field")
    kept = repr(list(FailedSignIn.objects.values())) + repr(list(AuditEntry.objects.values()))
    assert "wrong field" not in kept
    assert WRONG not in kept


def test_the_audit_trail_tells_failures_the_lock_and_signing_in() -> None:
    user = make_user(name="Ana")
    lock(user.email)
    attempt(user.email)
    attempt(user.email, RIGHT, address="198.51.100.2")
    told = [(str(entry), entry.address) for entry in AuditEntry.objects.filter(user_id=user.pk).order_by("pk")]
    wrong = f"Somebody typed a wrong password for {user.email}"
    assert told == [
        *[(wrong, "198.51.100.1")] * 4,
        (f"{wrong}; nobody can try again from there for 15 minutes", "198.51.100.1"),
        ("Ana signed in", "198.51.100.2"),
    ]


def test_signing_in_goes_on_to_where_the_person_wanted_and_to_no_other_site() -> None:
    user = make_user()
    for wanted, goes_to in (("/account/", "/account/"), ("https://evil.example/", "/")):
        answer = Client().post(f"/sign-in/?next={wanted}", {"username": user.email, "password": RIGHT, "next": wanted})
        assert (answer.status_code, answer["Location"]) == (302, goes_to)


def test_reset_links_last_an_hour() -> None:
    """That they work once is in tests/core/test_account.py."""
    assert configured.PASSWORD_RESET_TIMEOUT == 3600


def test_the_wait_is_told_in_whole_minutes_and_never_as_none() -> None:
    assert "in a minute" in TooManyTries(timedelta(0), of_network=True).message
    assert "in 2 minutes" in TooManyTries(timedelta(seconds=61), of_network=True).message
