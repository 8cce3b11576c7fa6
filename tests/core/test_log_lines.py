"""Lines of the log: one an event, with their context and without secrets (R40, the part about logs)."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.http import HttpRequest
from django.test import AsyncClient, Client
from django.urls import path
from structlog.contextvars import bound_contextvars

from evals_app.tasks import tick_runs
from llmops.celery import forget_the_task, name_the_task
from llmops.core.access import open_page
from llmops.core.models import Connection
from llmops.core.services.connections import credential_for
from llmops.providers.base import Vendor
from llmops.redaction import REDACTED
from llmops.urls import urlpatterns as real_addresses
from tests.core.factories import make_connection, make_room
from tests.core.listening import Lines, listening
from tests.jobs.model_server import Fault, ModelServer

CANARY = "c4n4ry" + "Zk9" * 9
STORED_CANARY = "c4n4ry" + "Vb2" * 9  # another: what was stored once is known by its value
log = logging.getLogger("tests.lines")


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything that is logged, down to DEBUG, as JSON."""
    with listening(as_text=False) as heard:
        yield heard


@pytest.fixture
def text_lines() -> Iterator[Lines]:
    with listening(as_text=True) as heard:
        yield heard


def test_a_line_has_time_level_place_and_context(lines: Lines) -> None:
    with bound_contextvars(request_id="r-1"):
        log.warning("Case %s of %d", "a", 7, extra={"run_id": 3})
    (event,) = lines.events()
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "Case a of 7",
        "level": "warning",
        "logger": "tests.lines",
        "request_id": "r-1",
        "run_id": 3,
    }


def fail_with_secrets() -> None:
    """What people and libraries do: secrets in messages, in causes, in notes, in the line of code itself."""
    try:
        raise ConnectionError(f"could not connect to postgres://llmops:{CANARY}@db/llmops")
    except ConnectionError as cause:
        error = RuntimeError({"headers": {"Authorization": f"Bearer {CANARY}"}})
        error.add_note(f"api_key={CANARY}")
        raise error from cause


@pytest.mark.parametrize("form", ["lines", "text_lines"])
def test_secrets_are_in_no_message_field_exception_or_traceback(form: str, request: pytest.FixtureRequest) -> None:
    lines: Lines = request.getfixturevalue(form)
    log.error("sk-%s was refused", CANARY)
    log.error("Refused", extra={"password": CANARY, "headers": {"cookie": CANARY}, "url": f"redis://:{CANARY}@host"})
    try:
        fail_with_secrets()
    except RuntimeError:
        log.exception("It failed with password=%s", CANARY)
    structlog.get_logger("tests.lines").error("direct", api_key=CANARY, text=f"token: {CANARY}")
    written = lines.getvalue()
    assert CANARY not in written
    assert written.count(REDACTED) >= 8
    assert "could not connect to postgres://" in written, "what is no secret is still there"
    assert "fail_with_secrets" in written


def test_nobody_forges_a_line(text_lines: Lines, lines: Lines) -> None:
    log.error("first\n2026-01-01T00:00:00Z [error    ] forged")
    assert not any(line.startswith("2026-01-01") for line in text_lines.getvalue().splitlines())
    assert len(lines.events()) == 1


def test_tasks_and_runs_name_themselves(lines: Lines) -> None:
    name_the_task(task_id="t-1", task=tick_runs)
    log.info("inside")
    forget_the_task()
    log.info("outside")
    inside, outside = lines.events()
    assert (inside["task"], inside["task_id"]) == ("evals_app.tick_runs", "t-1")
    assert "task" not in outside


# -- the platform at work --------------------------------------------------------------------------


@open_page
def broken(request: HttpRequest) -> None:
    fail_with_secrets()


@open_page
async def broken_async(request: HttpRequest) -> None:
    log.info("on the way")
    fail_with_secrets()


urlpatterns = [path("broken/", broken), path("broken-async/", broken_async), *real_addresses]


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_a_page_that_fails_logs_its_request_and_no_secret(lines: Lines) -> None:
    client = Client(raise_request_exception=False, headers={"x-request-id": "r-2"})
    assert client.get(f"/broken/?api_key={CANARY}").status_code == 500
    failure = next(event for event in lines.events() if event["level"] == "error")
    assert failure["request_id"] == "r-2"
    assert "fail_with_secrets" in failure["exception"]
    assert CANARY not in lines.getvalue()


@pytest.mark.django_db
@pytest.mark.urls(__name__)
async def test_an_asynchronous_page_has_its_id_in_all_lines(lines: Lines) -> None:
    client = AsyncClient(raise_request_exception=False)
    answer = await client.get("/broken-async/", headers={"x-request-id": "r-3"})
    assert answer.status_code == 500
    events = [event for event in lines.events() if event["logger"] in ("tests.lines", "django.request")]
    assert [event["request_id"] for event in events] == ["r-3", "r-3"]
    assert CANARY not in lines.getvalue()


@pytest.mark.django_db(transaction=True)
def test_r40_features_at_work_log_no_secret(lines: Lines, settings: Any) -> None:
    settings.ALLOW_PRIVATE_URLS = "127.0.0.1"
    room = make_room()
    stranger = Client()
    stranger.post("/sign-in/", {"username": room.admin.email, "password": f"pw-{STORED_CANARY}"})
    stranger.get("/api/v1/runs/", headers={"authorization": f"Bearer llmops_0123abcd_{STORED_CANARY}"})
    stranger.get(f"/invitations/{STORED_CANARY}/")
    stranger.get(f"/p/nowhere/?token={STORED_CANARY}")
    with ModelServer(behave=lambda call: Fault.BROKEN, says=f"You sent {STORED_CANARY}") as server:
        connection = make_connection(
            room.project, vendor=Vendor.OPENAI_COMPATIBLE, base_url=server.url, api_key=STORED_CANARY, default_model="m"
        )
        room.client.post(f"{room.address}models/{connection.name}/test/")
        assert server.calls
    assert credential_for(Connection.objects.get(pk=connection.pk)).api_key == STORED_CANARY
    log.error("The vendor echoed %s", STORED_CANARY)
    assert lines.events()
    assert STORED_CANARY not in lines.getvalue()


# -- whole processes -------------------------------------------------------------------------------

_PROGRAM = f"""
import django, logging, threading
django.setup()
logging.getLogger("x").error("one")
thread = threading.Thread(target=lambda: 1 / int("password={CANARY}"))
thread.start()
thread.join()
raise RuntimeError("redis://:{CANARY}@host")
"""


@pytest.mark.parametrize(("wanted", "is_json"), [("auto", True), ("json", True), ("text", False)])
def test_files_get_json_and_uncaught_exceptions_no_secret(wanted: str, is_json: bool, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(_PROGRAM)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "LLMOPS_LOG_FORMAT": wanted, "DJANGO_SETTINGS_MODULE": "llmops.settings"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    first = done.stderr.splitlines()[0]
    assert first.startswith("{") is is_json, done.stderr
    assert "one" in first
    assert "Traceback" in done.stderr
    assert CANARY not in done.stderr
