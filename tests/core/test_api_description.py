"""The OpenAPI document says what the API really takes and answers."""

from __future__ import annotations

import inspect
import io
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

from tests.core.factories import Room


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/schema/", headers={"Accept": "application/json"}).json()
    return found


def test_it_is_a_valid_document_that_is_made_without_a_warning(document: dict[str, Any]) -> None:
    validate_schema(document)
    call_command("spectacular", fail_on_warn=True, stdout=io.StringIO())


@pytest.mark.django_db
@pytest.mark.usefixtures("redis_client")
@pytest.mark.parametrize(
    "address", ["connections/", "prompts/", "datasets/", "evaluators/", "evaluators/kinds/", "runs/"]
)
def test_lists_are_pages(document: dict[str, Any], room: Room, address: str) -> None:
    call = document["paths"][f"/api/v1/{address}"]["get"]
    schema = resolved(document, call["responses"]["200"]["content"]["application/json"]["schema"])
    assert set(schema["required"]) == set(room.api().get(address).json()) == {"results", "next"}
    assert {"limit", "cursor"} <= {parameter["name"] for parameter in call["parameters"]}


def test_every_call_says_what_an_error_looks_like(document: dict[str, Any]) -> None:
    calls = [call for methods in document["paths"].values() for call in methods.values()]
    assert len(calls) > 30
    for call in calls:
        error = call["responses"]["default"]["content"]["application/json"]["schema"]
        assert set(resolved(document, error)["properties"]["error"]["required"]) == {"code", "message", "fields"}


def test_what_is_done_once_for_a_key_says_so_and_nothing_else_does(document: dict[str, Any]) -> None:
    once = set()
    for pattern in api_patterns():
        view = pattern.callback.view_class
        if hasattr(view, "post") and "self.once(" in inspect.getsource(view.post):
            once.add("/api/v1/" + str(pattern.pattern).replace("<str:", "{").replace(">", "}"))
    assert len(once) == 8
    said = {
        path
        for path, methods in document["paths"].items()
        for call in methods.values()
        if "Idempotency-Key" in {parameter["name"] for parameter in call.get("parameters", [])}
    }
    assert said == once


def api_patterns() -> list[Any]:
    inside = [part for part in get_resolver().url_patterns if str(part.pattern) == "api/v1/"]
    return [pattern for part in inside for pattern in part.url_patterns]


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found
