"""The tiny call that says whether a connection works."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from llmops.core.models import Connection, ModelCall
from llmops.core.services.trying import connection_try
from llmops.providers.base import CallErrorKind, Vendor
from tests.core.factories import make_connection, make_room

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client", "empty_ledger")]


def test_an_answer_is_said_kept_and_written_to_the_ledger() -> None:
    room = make_room()
    made = make_connection(room.project)
    tried = async_to_sync(connection_try)(made, user=room.admin)
    assert tried.ok
    assert tried.message.startswith("“echo” answered in ")
    made.refresh_from_db()
    assert made.test_problem == ""
    assert made.tested_at is not None
    call = ModelCall.objects.get(project_id=room.project.pk)
    assert (call.purpose, call.state, call.user_id) == ("connection_test", "ok", room.admin.pk)


def test_a_failure_is_kept_in_words_with_its_kind() -> None:
    made = make_connection(make_room().project, default_model="no-such-model")
    tried = async_to_sync(connection_try)(made)
    assert not tried.ok
    assert tried.kind == CallErrorKind.NO_SUCH_MODEL
    assert "no-such-model" in tried.message
    assert Connection.objects.get(pk=made.pk).test_problem == tried.message


def test_a_server_without_a_model_to_call_says_so() -> None:
    made = make_connection(
        make_room().project, vendor=Vendor.OPENAI_COMPATIBLE, base_url="https://models.example.com/v1"
    )
    tried = async_to_sync(connection_try)(made)
    assert tried.kind == CallErrorKind.NO_SUCH_MODEL
    assert Connection.objects.get(pk=made.pk).test_problem == tried.message
    assert not ModelCall.objects.exists(), "nothing was called"


def test_a_private_address_that_is_no_longer_allowed_is_not_called(settings: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = "127.0.0.1"
    made = make_connection(
        make_room().project,
        vendor=Vendor.OPENAI_COMPATIBLE,
        base_url="http://127.0.0.1:9/v1",
        default_model="m",
    )
    assert async_to_sync(connection_try)(made).kind == CallErrorKind.UNREACHABLE, "allowed, and nobody there"
    settings.ALLOW_PRIVATE_URLS = ""
    assert async_to_sync(connection_try)(made).kind == CallErrorKind.PRIVATE_ADDRESS
