"""Real projects, members and keys, made through the services that pages and the API use."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.test import AsyncClient, Client
from django.utils import timezone

from llmops.core.choices import Role, Scope
from llmops.core.models import Connection, Project, SignIn, User
from llmops.core.services import (
    ConnectionSettings,
    api_key_create,
    connection_create,
    member_set,
    project_create,
)
from llmops.providers.base import Vendor

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Room:
    """A project and its administrator, signed in."""

    project: Project
    admin: User
    client: Client

    @property
    def address(self) -> str:
        return f"/p/{self.project.slug}/"

    def member(self, role: Role) -> Client:
        """The browser of another member with this role."""
        return signed_in(make_user(), self.project, role)

    def practice(self, *, name: str = "Practice", model: str = "") -> Connection:
        return make_connection(self.project, name=name, default_model=model)

    def api(self, scope: Scope = Scope.ALL) -> Api:
        """The API as a program with a key of this scope sees it."""
        made = api_key_create(project=self.project, name="test", scopes=[scope], created_by=self.admin)
        return Api(made.text)


@dataclass(frozen=True)
class Api:
    """JSON over the REST API with one key."""

    key: str

    def get(self, path: str, **headers: str) -> Any:
        return self._send("get", path, None, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._send("post", path, body, headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._send("put", path, body, headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self._send("delete", path, None, headers)

    def _send(self, verb: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        """`headers` are named as in Python: idempotency_key."""
        send = getattr(Client(), verb)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        return send(f"/api/v1/{path}", **content, headers={"Authorization": f"Bearer {self.key}", **sent})


def make_user(*, name: str = "") -> User:
    return User.objects.create_user(f"person-{next(_numbers)}@example.com", "a good password", name=name)


def make_room(*, name: str = "Bank assistant") -> Room:
    admin = make_user(name="Ana")
    project = project_create(name=name, slug=f"room-{next(_numbers)}", owner=admin)
    return Room(project, admin, browser_of(admin))


def signed_in(user: User, project: Project, role: Role) -> Client:
    member_set(project=project, user=user, role=role)
    return browser_of(user)


def browser_of(user: User) -> Client:
    """A browser in which the person is signed in and was seen just now: visits cost no more than later ones do."""
    client = Client()
    client.force_login(user)
    SignIn.objects.filter(user=user).update(seen_at=timezone.now())
    return client


async def signed_in_async(user: User) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(user)
    return client


def make_connection(project: Project, **settings: Any) -> Connection:
    wanted = {"name": f"models {next(_numbers)}", "vendor": Vendor.PRACTICE, **settings}
    return connection_create(project=project, wanted=ConnectionSettings(**wanted))


def error_of(answer: Any) -> dict[str, Any]:
    """The error of an API answer; fails when it has another form than the contract says."""
    body = answer.json()
    assert set(body) == {"error"}, body
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "fields"}, error
    assert error["code"] == error["code"].lower()
    assert " " in error["message"], "not a sentence"
    return error


def fields_of(answer: Any) -> list[str]:
    """Which fields an API answer complains about."""
    return [field["field"] for field in error_of(answer)["fields"]]


def forget_calls() -> None:
    """Empty the ledger."""
    with database.cursor() as cursor:
        cursor.execute("DELETE FROM core_modelcall")
