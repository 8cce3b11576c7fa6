"""Every request has an id, which cannot forge anything."""

from __future__ import annotations

import re

import pytest
from django.test import AsyncClient, Client

from tests.core.factories import make_room

pytestmark = pytest.mark.django_db


def test_an_id_that_comes_along_is_kept() -> None:
    assert Client(headers={"x-request-id": "Edge-7.b_9"}).get("/livez")["X-Request-Id"] == "Edge-7.b_9"


@pytest.mark.parametrize("given", ["", "a b", "a\nb", "<script>", "ü", "x" * 65, "x;y"])
def test_any_other_is_replaced(given: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", Client(headers={"x-request-id": given}).get("/livez")["X-Request-Id"])


def test_pages_errors_and_static_files_have_one() -> None:
    room = make_room()
    for path in (room.address, "/p/no-such-project/", "/api/v1/runs/", "/static/css/tokens.css"):
        assert room.client.get(path)["X-Request-Id"]


async def test_asynchronous_requests_have_one() -> None:
    answer = await AsyncClient().get("/livez", headers={"x-request-id": "over-asgi"})
    assert answer["X-Request-Id"] == "over-asgi"
