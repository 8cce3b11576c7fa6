"""/livez and /readyz; with servers that are really gone in tests/cli/test_up.py."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from llmops.core.selectors import readiness

pytestmark = pytest.mark.django_db


def test_ready_when_database_and_redis_answer() -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


def test_silent_redis_is_shown_and_changes_nothing(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["redis"]) == (200, "degraded", "down")


def test_not_ready_while_migrations_are_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [*readiness._known(), (("core", "9999_of_a_later_release"), [])]
    monkeypatch.setattr(readiness, "_known", lambda: known)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, "pending")
    assert readiness.migrations_pending() == ["core.9999_of_a_later_release"]


def test_migration_that_replaces_applied_ones_is_not_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    squashed = (("core", "0001_squashed"), [("core", "0001_initial")])
    monkeypatch.setattr(readiness, "_known", lambda: [squashed])
    assert readiness.migrations_pending() == []


def test_health_is_told_without_tls_and_under_the_names_of_this_machine(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    for path in ("/livez", "/readyz"):
        assert Client(headers={"host": "127.0.0.1:8000"}).get(path).status_code == 200
    assert Client(headers={"host": "127.0.0.1:8000"}).get("/").status_code == 301
