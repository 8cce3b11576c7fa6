"""`llmops doctor` finds what is broken and says what to do; the command itself is in tests/cli/test_up.py."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from llmops.cli.ports import free_port
from llmops.core.services import BEAT, WORKER, heartbeat
from llmops.doctor import Finding, Level, examine
from llmops.doctor.database import clock, connections, examine_database, migrations, version
from llmops.doctor.machine import addresses, disk, local_model, secrets_folder
from llmops.doctor.processes import beat, examine_processes, redis, worker
from llmops.providers.base import Vendor
from tests.core.factories import make_connection, make_room

NOW = timezone.now()
LONG_AGO = NOW - timedelta(hours=1)


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {finding.check: finding.level for finding in findings}


@pytest.mark.django_db
def test_everything_is_looked_at_and_fine(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o700)
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    heartbeat(BEAT)
    heartbeat(WORKER)
    findings = examine(tmp_path)
    assert levels(findings).keys() == {
        *("database", "extensions", "migrations", "keys", "clock", "connections"),
        *("redis", "beat", "worker", "disk", "secrets", "addresses", "local model"),
    }
    assert [finding for finding in findings if finding.level is not Level.OK and finding.check != "disk"] == []


@pytest.mark.django_db
def test_keys_that_cannot_be_read_any_more(settings: Settings) -> None:
    make_connection(make_room().project, vendor=Vendor.OPENAI, api_key="sk-" + "k" * 30)
    assert levels(list(examine_database()))["keys"] is Level.OK
    settings.FIELD_KEYS = (Fernet.generate_key().decode(), *settings.FIELD_KEYS)
    assert levels(list(examine_database()))["keys"] is Level.OK
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    found = next(finding for finding in examine_database() if finding.check == "keys")
    assert (found.level, found.text.startswith("1 stored key cannot be read")) == (Level.FAIL, True)


def test_a_database_that_refuses_is_quoted_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", free_port())
    (tmp_path / "secrets").mkdir(mode=0o700)
    found = next(finding for finding in examine(tmp_path) if finding.check == "database")
    assert found.level is Level.FAIL
    assert "Connection refused" in found.text
    assert caplog.records == []


@pytest.mark.django_db
def test_nothing_was_ever_heard_of() -> None:
    assert levels(list(examine_processes())) == {"beat": Level.FAIL, "worker": Level.WARN}


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (redis(answers=False), Level.WARN),
        (beat(LONG_AGO, now=NOW), Level.FAIL),
        (worker(LONG_AGO, beats=True, now=NOW), Level.FAIL),
        (worker(LONG_AGO, beats=False, now=NOW), Level.WARN),
        (version("15.4 (Debian 15.4-1)"), Level.FAIL),
        (version("18.6"), Level.OK),
        (migrations(["core.0009_x"]), Level.FAIL),
        (clock(5.0), Level.WARN),
        (clock(-0.5), Level.OK),
        (connections(75, 80), Level.WARN),
        (disk(100_000, Path("somewhere")), Level.FAIL),
        (disk(3 * 1024**3, Path("somewhere")), Level.WARN),
        (addresses("https://llm.example.org", ["other.example.org"]), Level.FAIL),
        (addresses("http://llm.example.org", ["llm.example.org"]), Level.WARN),
        (addresses("https://llm.example.org", [".example.org"]), Level.OK),
        (addresses("http://[::1]:8000", ["[::1]"]), Level.OK),
        (local_model(True, "http://127.0.0.1:1"), Level.WARN),
    ],
)
def test_finding(finding: Finding, level: Level) -> None:
    assert finding.level is level
    assert bool(finding.advice) is (level is not Level.OK)


def test_secrets_that_others_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "field-key").touch(mode=0o600)
    assert secrets_folder(folder).level is Level.OK
    (folder / "field-key").chmod(0o644)
    assert "field-key" in secrets_folder(folder).text
