"""R24: every address x method x role, generated from the URLconf, against real objects of two tenants.

What is expected stands in access_table.py. Every request is undone, so that each meets the same world.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker

from llmops.core.choices import Role, Scope
from llmops.core.selectors.invitations import invitation_link
from llmops.core.services import api_key_create, api_key_revoke
from tests.security import access_table as table
from tests.security.tenants import Tenant, make_tenant

pytestmark = pytest.mark.django_db
MINE, OTHER = "canary-of-mine", "canary-of-the-other"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Address(NamedTuple):
    """An address of the URLconf: its name with its namespace, and its pattern as text."""

    name: str
    pattern: str

    def of(self, tenant: Tenant, *, project: str = "") -> str:
        """The address of this tenant's objects, in the project with this slug."""
        parts = tenant.parts(self.pattern) | {"project": project or tenant.room.project.slug}
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda part: str(parts[part[1]]), self.pattern)

    @property
    def names_an_object(self) -> bool:
        return "<" in self.pattern.replace("<slug:project>", "")


def _addresses(resolver: URLResolver, prefix: str = "", space: str = "") -> Iterator[Address]:
    for each in resolver.url_patterns:
        pattern = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            inner = f"{each.app_name}:" if each.app_name else space
            yield from _addresses(each, pattern, inner)
        elif isinstance(each, URLPattern):
            yield Address(f"{space}{each.name}", pattern)


ADDRESSES = list(_addresses(get_resolver()))
PAGES = [each for each in ADDRESSES if each.pattern.startswith("p/")]
API = [each for each in ADDRESSES if each.pattern.startswith("api/") and each.name not in table.OPEN_API]
OUTSIDE = [each for each in ADDRESSES if not each.pattern.startswith(("p/", "api/"))]


class World(NamedTuple):
    """Two tenants, a browser of each role in the first, and API keys of both."""

    mine: Tenant
    other: Tenant
    browsers: dict[Role, Client]
    keys: dict[Scope, str]
    keys_of_other: dict[Scope, str]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Made once, inside a transaction that is undone at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        mine, other = make_tenant(MINE), make_tenant(OTHER)
        yield World(
            mine,
            other,
            {role: mine.room.client if role is Role.ADMIN else mine.room.member(role) for role in Role},
            {scope: mine.room.api(scope).key for scope in Scope},
            {scope: other.room.api(scope).key for scope in Scope},
        )
        transaction.set_rollback(True)


class Answer(NamedTuple):
    status: int
    location: str
    body: str


def ask(client: Client, method: str, url: str, **extra: Any) -> Answer:
    """Send a request, read its answer to the end, and undo what it did."""
    at = transaction.savepoint()
    try:
        answer = getattr(client, method.lower())(url, **extra)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return Answer(answer.status_code, answer.headers.get("Location", ""), body.decode("utf-8", "replace"))
    finally:
        transaction.savepoint_rollback(at)


def test_every_address_has_a_rule() -> None:
    assert {each.name for each in PAGES} == set(table.PAGES), "write its line in tests/security/access_table.py"
    assert {each.name for each in API} == set(table.API), "write its line in tests/security/access_table.py"
    assert {each.name for each in OUTSIDE} - {"gallery"} == set(table.OPEN_PAGES)


def expected(page: table.Page, method: str, role: Role | None) -> int:
    """What this page says to a member with this role; to somebody who has not signed in for None."""
    way = {"GET": page.get, "HEAD": page.get, "POST": page.post}.get(method)
    if method not in {"GET", "HEAD", "POST"} or (way is None and page.method_first):
        return 405
    if role is None:
        return 302
    lowest = way or page.get or page.post
    assert lowest is not None
    if list(Role).index(role) < list(Role).index(lowest.role):
        return 403
    return way.status if way else 405


def send(client: Client, method: str, url: str, **headers: str) -> Answer:
    extra: dict[str, Any] = {"data": {"sweep": "1"}} if method == "POST" else {}
    return ask(client, method, url, headers=headers, **extra)


@pytest.mark.parametrize("address", PAGES, ids=lambda each: each.name)
def test_each_role_gets_what_the_table_says(address: Address, world: World) -> None:
    page, url = table.PAGES[address.name], address.of(world.mine)
    for method in METHODS:
        for role, browser in world.browsers.items():
            answer, wanted = send(browser, method, url), expected(page, method, role)
            # Some pages answer only GET and not HEAD, which has the same headers.
            allowed = {wanted, 405} if method == "HEAD" else {wanted}
            assert answer.status in allowed, f"{role} {method} {url}: {answer.status}, not {wanted}"


@pytest.mark.parametrize("address", PAGES, ids=lambda each: each.name)
def test_a_page_marks_one_entry_of_the_navigation(address: Address, world: World) -> None:
    answer = ask(world.browsers[Role.ADMIN], "GET", address.of(world.mine))
    navigation = re.search(r'<nav class="side".*?</nav>', answer.body, re.DOTALL)
    if answer.status == 200 and navigation:  # else it is a redirect, a file or a part of a page
        marked = re.findall(r'aria-current="page"', navigation[0])
        assert len(marked) == 1, (
            "give the template `nav`, the key of the entry (see `register_nav` in apps.py) it belongs to"
        )


@pytest.mark.parametrize("address", PAGES, ids=lambda each: each.name)
def test_the_signed_out_are_sent_to_sign_in(address: Address, world: World) -> None:
    page, url = table.PAGES[address.name], address.of(world.mine)
    for method in METHODS:
        for headers in ({}, {"HX-Request": "true"}):
            answer, wanted = send(Client(), method, url, **headers), expected(page, method, None)
            # The method may be refused first; it says nothing about what is there.
            assert answer.status == wanted or (method == "HEAD" and answer.status == 405), f"{method} {url}"
            if answer.status == 302:
                assert answer.location.startswith("/sign-in/?next=")
            assert MINE not in answer.body


@pytest.mark.parametrize("address", PAGES, ids=lambda each: each.name)
def test_for_another_tenant_nothing_is_there(address: Address, world: World) -> None:
    page, url = table.PAGES[address.name], address.of(world.mine)
    for method in METHODS:
        for headers in ({}, {"HX-Request": "true"}):
            answer = send(world.other.room.client, method, url, **headers)
            wanted = 405 if expected(page, method, None) == 405 else 404
            assert answer.status == wanted or (method == "HEAD" and answer.status == 405), f"{method} {url}"
            assert MINE not in answer.body.replace(url, "")


@pytest.mark.parametrize("address", [each for each in PAGES if each.names_an_object], ids=lambda each: each.name)
def test_objects_of_another_tenant_are_not_in_this_project(address: Address, world: World) -> None:
    page = table.PAGES[address.name]
    url = address.of(world.other, project=world.mine.room.project.slug)
    for method, way in (("GET", page.get), ("POST", page.post)):
        if way is None:
            continue
        for role, browser in world.browsers.items():
            answer = send(browser, method, url)
            if answer.status == 302:  # an address of forms that sends on to the page itself
                answer = send(browser, method, answer.location)
            wanted = 403 if expected(page, method, role) == 403 and not page.found_first else 404
            assert answer.status == wanted, f"{role} {method} {url}: {answer.status}"
            assert OTHER not in answer.body.replace(url, "")


@pytest.mark.parametrize("address", OUTSIDE, ids=lambda each: each.name)
def test_pages_outside_of_projects(address: Address, world: World) -> None:
    if address.name == "gallery":
        pytest.skip("only there with LLMOPS_DEBUG")
    must_sign_in, get, post = table.OPEN_PAGES[address.name]
    if address.name == "invitation":
        url = "/invitations/" + invitation_link(world.mine.invitation).split("/invitations/")[1]
    else:
        url = "/" + address.pattern
    for method, status in (("GET", get), ("POST", post)):
        answer = send(Client(), method, url)
        assert answer.status == (302 if must_sign_in else status), f"{method} {url}: {answer.status}"
        if must_sign_in:
            assert answer.location.startswith("/sign-in/?next=")
            answer = send(world.browsers[Role.VIEWER], method, url)
            assert answer.status == status, f"{method} {url}: {answer.status}"


# -- API ------------------------------------------------------------------------------------------------------------


def call(method: str, url: str, key: str | None) -> Answer:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    body: dict[str, Any] = {} if method == "GET" else {"data": "{}", "content_type": "application/json"}
    return ask(Client(), method, url, headers=headers, **body)


API_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("address", API, ids=lambda each: each.name)
def test_each_scope_gets_what_the_table_says(address: Address, world: World) -> None:
    uses, url = table.API[address.name], address.of(world.mine)
    scopes = list(Scope)
    for method in API_METHODS:
        use = uses.get(method)
        for scope, key in world.keys.items():
            enough = use is not None and scopes.index(scope) >= scopes.index(use.scope)
            wanted = 405 if use is None else use.status if enough else 403
            answer = call(method, url, key)
            assert answer.status == wanted, f"{scope} {method} {url}: {answer.status}, not {wanted}"


@pytest.mark.parametrize("address", API, ids=lambda each: each.name)
def test_without_a_good_key_nothing_is_said(address: Address, world: World) -> None:
    url, room = address.of(world.mine), world.mine.room
    revoked = api_key_create(project=room.project, name="gone", scopes=[Scope.ALL])
    api_key_revoke(revoked.row)
    good = world.keys[Scope.ALL]
    for method in API_METHODS:
        for key in (None, "", "nonsense", revoked.text, good[:-1], good + "x"):
            answer = call(method, url, key)
            assert answer.status == 401, f"{method} {url} with {key!r}: {answer.status}"
            assert MINE not in answer.body


@pytest.mark.parametrize("address", API, ids=lambda each: each.name)
def test_a_key_of_another_tenant_opens_nothing_here(address: Address, world: World) -> None:
    uses, url = table.API[address.name], address.of(world.mine)
    for method in API_METHODS:
        use = uses.get(method)
        for scope, key in world.keys_of_other.items():
            enough = use is not None and list(Scope).index(scope) >= list(Scope).index(use.scope)
            answer = call(method, url, key)
            if use is None:
                wanted = 405
            elif not enough:
                wanted = 403
            else:
                wanted = 404 if address.names_an_object else use.status
            assert answer.status == wanted, f"{scope} {method} {url}: {answer.status}, not {wanted}"
            assert MINE not in (answer.body if answer.status == 200 else answer.body.replace(_spoken(url), ""))


def _spoken(url: str) -> str:
    """The name in an address, which a refusal may repeat: whoever asked has typed it."""
    return next((part for part in url.split("/") if MINE in part), url)


def test_the_description_of_the_api_names_no_tenant(world: World) -> None:
    for url in ("/api/schema/", "/api/v1/nothing/"):
        answer = ask(Client(), "GET", url)
        assert MINE not in answer.body
        assert OTHER not in answer.body


def test_a_session_does_not_open_the_api(world: World) -> None:
    for address in API:
        for method in table.API[address.name]:
            assert ask(world.browsers[Role.ADMIN], method, address.of(world.mine)).status == 401
