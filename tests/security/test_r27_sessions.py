"""R27: what a sign-in is worth, its cookies, and that no other site can act with it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from llmops.core.choices import Role
from llmops.core.services import member_set
from tests.core.factories import make_room, make_user, signed_in
from tests.security.access_table import PAGES
from tests.security.tenants import make_tenant
from tests.security.test_r24_access_sweep import ADDRESSES

pytestmark = pytest.mark.django_db
OWN_PAGES = {
    "project-new",
    "account",
    "account-password",
    "sign-in-remove",
    "sign-in-remove-others",
    "login",
    "password-forgotten",
}


def test_a_role_that_was_taken_away_is_gone_with_the_next_request() -> None:
    room, user = make_room(), make_user()
    theirs = signed_in(user, room.project, Role.ADMIN)
    assert theirs.get(room.address + "settings/api-keys/").status_code == 200
    member_set(project=room.project, user=user, role=Role.VIEWER)
    assert theirs.get(room.address + "settings/api-keys/").status_code == 403


def test_whoever_may_not_sign_in_any_more_is_out_with_the_next_request() -> None:
    room, user = make_room(), make_user()
    theirs = signed_in(user, room.project, Role.ADMIN)
    user.is_active = False
    user.save(update_fields=["is_active"])
    assert theirs.get(room.address).status_code == 302


def test_signing_in_gives_another_key_than_the_visitor_came_with() -> None:
    user, client = make_user(), Client()
    session = client.session
    session["planted"] = 1
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = session.session_key
    client.post("/sign-in/", {"username": user.email, "password": "a good password"})
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert thief.get("/account/").status_code == 302


def test_a_made_up_key_opens_nothing_and_is_not_taken_over() -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    user = make_user()
    client.post("/sign-in/", {"username": user.email, "password": "a good password"})
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != "a" * 32


def test_cookies_are_out_of_reach_for_scripts_and_other_sites() -> None:
    user, client = make_user(), Client()
    client.get("/sign-in/")
    client.post("/sign-in/", {"username": user.email, "password": "a good password"})
    assert set(client.cookies) == {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}
    for cookie in client.cookies.values():
        assert cookie["httponly"], cookie
        assert cookie["samesite"] == "Lax", cookie


def test_cookies_travel_over_https_only_when_the_pages_do() -> None:
    """Asked of a process of its own, as settings are made once."""
    asked = "from django.conf import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    for url, answer in (("https://llmops.example.org", "True True"), ("http://127.0.0.1:8000", "False False")):
        environment = {**os.environ, "LLMOPS_PUBLIC_URL": url}
        done = subprocess.run(
            [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == answer


def test_no_page_takes_a_form_of_another_site() -> None:
    """Also those that look at the token by themselves, as uploads do."""
    tenant = make_tenant("mine")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(tenant.room.admin)
    asked = 0
    for address in ADDRESSES:
        if address.name in PAGES and PAGES[address.name].post:
            url = address.of(tenant)
        elif address.name in OWN_PAGES:
            url = "/" + address.pattern.replace("<str:mark>", "x")
        else:
            continue
        for headers in ({}, {"HX-Request": "true"}):
            with transaction.atomic():
                answer = browser.post(url, {"sweep": "1"}, headers=headers)
                transaction.set_rollback(True)
            assert answer.status_code == 403, f"{url}: {answer.status_code}"
        asked += 1
    assert asked > 30


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["form", "htmx"])
@pytest.mark.parametrize(
    "path", ["/account/", "/account/password/", "/sign-in/", "/sign-out/", "settings/", "prompts/new/", "models/new/"]
)
def test_a_form_of_another_site_is_refused(path: str, headers: dict[str, str]) -> None:
    room = make_room()
    client = Client(enforce_csrf_checks=True)
    client.force_login(room.admin)
    url = path if path.startswith("/") else room.address + path
    assert client.post(url, {"name": "taken over"}, headers=headers).status_code == 403
    assert client.post(url, {"name": "taken over"}, headers={**headers, "X-CSRFToken": "a" * 64}).status_code == 403
    room.project.refresh_from_db()
    assert room.project.name == "Bank assistant"


def test_htmx_sends_the_token_that_its_page_gave_it() -> None:
    room = make_room()
    client = Client(enforce_csrf_checks=True)
    client.force_login(room.admin)
    page = client.get(room.address + "settings/").content.decode()
    token = page.split('"X-CSRFToken": "')[1].split('"')[0]
    answer = client.post(room.address + "settings/", {"name": "New"}, headers={"X-CSRFToken": token})
    assert answer.status_code == 302
