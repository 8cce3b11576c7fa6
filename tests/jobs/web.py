"""The platform's web process as a browser and a program see it, over real HTTP."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.test import Client

from llmops.core.choices import Role, Scope
from llmops.core.models import Project
from llmops.core.services import api_key_create, member_set
from tests.core.factories import make_user


class Seen(NamedTuple):
    """An answer, and how long it took."""

    status: int
    body: bytes
    took_s: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Visitor:
    """Somebody with these headers."""

    url: str
    headers: dict[str, str]

    def get(self, path: str) -> Seen:
        return self._ask(urllib.request.Request(self.url + path, headers=self.headers))

    def post(self, path: str, body: Any) -> Seen:
        headers = {**self.headers, "Content-Type": "application/json"}
        return self._ask(urllib.request.Request(self.url + path, data=json.dumps(body).encode(), headers=headers))

    def _ask(self, request: urllib.request.Request) -> Seen:
        asked_at = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, body = refused.code, refused.read()
        return Seen(status, body, time.monotonic() - asked_at)


def browser_of_a_member(url: str, project: Project) -> Visitor:
    """The browser of an administrator of the project, signed in."""
    user = make_user()
    member_set(project=project, user=user, role=Role.ADMIN)
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return Visitor(url, {"Cookie": f"{name}={client.cookies[name].value}"})


def program_of(url: str, project: Project) -> Visitor:
    """A program with an API key that may do everything."""
    key = api_key_create(project=project, name="test", scopes=[Scope.ALL]).text
    return Visitor(url, {"Authorization": f"Bearer {key}"})
