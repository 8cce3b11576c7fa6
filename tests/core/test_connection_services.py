"""Connections: what may be typed, where keys go, and what the gateway gets."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database
from django.http import Http404
from django.test import override_settings

from llmops.core.encryption import KeyLost, decrypt, encrypt
from llmops.core.models import Connection
from llmops.core.selectors import connection_by_name, connections_for_project
from llmops.core.services import (
    ConnectionProblem,
    ConnectionSettings,
    connection_archive,
    connection_change,
    connection_create,
    credential_for,
)
from llmops.home import new_field_key
from llmops.providers.base import Vendor
from tests.core.factories import make_connection, make_room

pytestmark = pytest.mark.django_db
KEY = "sk-live-0123456789-canary"


def wanted(**changes: Any) -> ConnectionSettings:
    return ConnectionSettings(**{"name": "Main", "vendor": Vendor.OPENAI, "api_key": KEY, **changes})


def problem_with(**changes: Any) -> ConnectionProblem:
    with pytest.raises(ConnectionProblem) as found:
        connection_create(project=make_room().project, wanted=wanted(**changes))
    return found.value


def test_a_key_is_stored_encrypted_and_handed_to_the_gateway_only() -> None:
    made = connection_create(project=make_room().project, wanted=wanted())
    with database.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(row)::text FROM core_connection AS row WHERE id = %s", [made.pk])
        (stored,) = cursor.fetchone()
    assert KEY not in stored
    assert made.api_key_hint == "nary"
    assert credential_for(made).api_key == KEY
    assert KEY not in repr(credential_for(made))


@pytest.mark.parametrize("key", ["EMPTY", "elevenchars"])
def test_a_short_key_has_no_hint_because_four_letters_would_give_it_away(key: str) -> None:
    made = connection_create(project=make_room().project, wanted=wanted(api_key=key))
    assert made.api_key_hint == ""


def test_another_field_key_cannot_read_a_stored_key() -> None:
    made = connection_create(project=make_room().project, wanted=wanted())
    with override_settings(FIELD_KEYS=(new_field_key(),)), pytest.raises(KeyLost):
        credential_for(made)


def test_keys_stay_readable_while_the_key_ring_is_turned() -> None:
    with override_settings(FIELD_KEYS=(old := new_field_key(),)):
        token = encrypt(KEY)
    with override_settings(FIELD_KEYS=(new_field_key(), old)):
        assert decrypt(token) == KEY


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": " edge"}, "name"),
        ({"name": "x" * 200}, "name"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "two words"}, "api_key"),
        ({"api_key": "schlüssel"}, "api_key"),
        ({"vendor": Vendor.OPENAI_COMPATIBLE, "base_url": ""}, "base_url"),
        ({"vendor": Vendor.PRACTICE, "base_url": "https://example.com"}, "base_url"),
        ({"base_url": "ftp://example.com"}, "base_url"),
        ({"base_url": "http://10.1.2.3/v1"}, "base_url"),
        ({"base_url": "http://localhost:11434/v1"}, "base_url"),
        ({"base_url": "http://2130706433/v1"}, "base_url"),
        ({"base_url": "http://[::1]/v1"}, "base_url"),
        ({"base_url": "https://user:secret@example.com"}, "base_url"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(changes: dict[str, Any], field: str) -> None:
    problem = problem_with(**changes)
    assert problem.field == field
    assert problem.message.endswith(".")
    assert KEY not in problem.message
    assert not Connection.objects.exists()


def test_private_addresses_may_be_allowed() -> None:
    with override_settings(ALLOW_PRIVATE_URLS="10.0.0.0/8"):
        made = make_connection(make_room().project, vendor=Vendor.OPENAI_COMPATIBLE, base_url="http://10.1.2.3/v1")
    assert credential_for(made).base_url == "http://10.1.2.3/v1"


def test_names_are_taken_in_any_case_but_only_in_their_project() -> None:
    here, there = make_room().project, make_room().project
    make_connection(here, name="Main")
    with pytest.raises(ConnectionProblem, match="already a connection called “MAIN”") as found:
        make_connection(here, name="MAIN")
    assert found.value.field == "name"
    assert make_connection(there, name="Main").name == "Main"


def test_a_removed_connection_forgets_its_key_and_frees_its_name() -> None:
    project = make_room().project
    made = connection_create(project=project, wanted=wanted())
    connection_archive(made)
    made.refresh_from_db()
    assert bytes(made.api_key_encrypted) == b""
    assert made.api_key_hint == ""
    assert not connections_for_project(project).exists()
    archived_at = made.archived_at
    connection_archive(made)
    made.refresh_from_db()
    assert made.archived_at == archived_at, "removing twice changes nothing"
    assert connection_create(project=project, wanted=wanted()).pk != made.pk


def test_changing_keeps_the_key_unless_a_new_one_is_given() -> None:
    made = connection_create(project=make_room().project, wanted=wanted())
    connection_change(made, wanted=wanted(api_key="", name="Renamed", requests_per_minute=60))
    assert (made.name, made.requests_per_minute, credential_for(made).api_key) == ("Renamed", 60, KEY)
    connection_change(made, wanted=wanted(api_key="sk-other-0123456789", name="Renamed"))
    assert credential_for(made).api_key == "sk-other-0123456789"


def test_a_stored_key_is_not_sent_to_a_new_address() -> None:
    made = connection_create(project=make_room().project, wanted=wanted())
    with pytest.raises(ConnectionProblem) as found:
        connection_change(made, wanted=wanted(api_key="", base_url="https://elsewhere.example.com/v1"))
    assert found.value.field == "api_key"
    made.refresh_from_db()
    assert made.base_url == ""


def test_the_vendor_stays() -> None:
    made = connection_create(project=make_room().project, wanted=wanted())
    with pytest.raises(ConnectionProblem) as found:
        connection_change(made, wanted=wanted(vendor=Vendor.COHERE))
    assert found.value.field == "vendor"


def test_the_local_model_is_called_where_the_platform_runs_it() -> None:
    made = make_connection(make_room().project, vendor=Vendor.LOCAL)
    with override_settings(LOCAL_MODEL_URL="http://127.0.0.1:7777/v1"):
        assert credential_for(made).base_url == "http://127.0.0.1:7777/v1"


def test_connections_are_found_in_any_case_and_only_in_their_project() -> None:
    room = make_room()
    made = make_connection(room.project, name="Main")
    assert connection_by_name(room.project, name="main") == made
    with pytest.raises(Http404):
        connection_by_name(make_room().project, name="Main")
