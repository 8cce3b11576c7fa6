"""/metrics: true figures for whoever may read them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from llmops.core.services import BEAT, heartbeat
from tests.evals_app.factories import drive, expire_leases, make_world, set_price

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.django_db

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures() -> Samples:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    return read(answer.content.decode())


def figure(name: str, **labels: str) -> float:
    return figures()[(f"llmops_{name}", frozenset(labels.items()))]


def claim(run_id: int, *, n: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE evals_app_result SET state = 'running', lease_owner = gen_random_uuid(), n_leases = 1,"
            " lease_until = now() + interval '30 seconds'"
            " WHERE id IN (SELECT id FROM evals_app_result WHERE run_id = %s ORDER BY position LIMIT %s)",
            [run_id, n],
        )


def test_queue_and_leases_are_told_from_rows() -> None:
    run = make_world(n_cases=5).run()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE evals_app_run SET created_at = now() - interval '10 minutes' WHERE id = %s", [run.pk])
    assert figure("runs", state="queued") == 1
    assert figure("results_open") == 5
    assert figure("queue_age_seconds") == pytest.approx(600, abs=5)
    assert figure("runs_idle") == 1

    claim(run.pk, n=3)
    assert (figure("results_leased"), figure("leases_expired"), figure("runs_idle")) == (3, 0, 0)
    expire_leases(run)
    assert (figure("results_leased"), figure("leases_expired"), figure("runs_idle")) == (0, 3, 1)


def test_work_that_rests_does_not_wait() -> None:
    run = make_world(n_cases=1).run()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE evals_app_result SET not_before = now() + interval '1 minute'")
    assert (figure("queue_age_seconds"), figure("runs_idle")) == (0, 0)
    assert run.state == "queued"


@pytest.mark.django_db(transaction=True)
def test_calls_and_spend_of_the_last_hour_come_from_the_ledger(empty_ledger: None) -> None:
    set_price("echo", "1000")
    run = make_world(n_cases=4).run()
    drive()
    run.refresh_from_db()
    assert run.spent_usd > 0
    assert figure("runs", state="finished") == 1
    assert figure("model_calls_last_hour", vendor="practice", state="ok") == 4
    assert figure("model_calls_last_hour", vendor="practice", state="orphaned") == 0
    assert figure("spend_usd_last_hour", vendor="practice") == pytest.approx(float(run.spent_usd))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_modelcall SET started_at = started_at - interval '61 minutes'")
    assert ("llmops_model_calls_last_hour", frozenset({("vendor", "practice"), ("state", "ok")})) not in figures()


def test_age_of_signs_of_life() -> None:
    heartbeat(BEAT)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_heartbeat SET seen_at = clock_timestamp() - interval '90 seconds'")
    assert figure("heartbeat_age_seconds", process="beat") == pytest.approx(90, abs=5)


def test_a_silent_database_is_a_figure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops.core.views.metrics._PATIENCE_MS", 200)
    monkeypatch.setattr("evals_app.selectors.figures._LEASES", "SELECT 1, 2 FROM pg_sleep(5)")
    assert figure("rows_up", figures="run_figures") == 0
    assert figure("rows_up", figures="core_figures") == 1


def test_the_number_of_queries_does_not_grow(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    world = make_world(n_cases=3)
    for _ in range(3):
        world.run()
    with django_assert_num_queries(11):  # five of figures, and a savepoint with its patience around each reader
        figures()


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "203.0.113.9"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, 403),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": "203.0.113.9"}, 403),
    ],
)
def test_without_a_token_figures_are_for_this_machine_alone(environment: dict[str, str], status: int) -> None:
    assert Client().get("/metrics", **environment).status_code == status


def test_with_a_token_everybody_needs_it(settings: Settings) -> None:
    settings.METRICS_TOKEN = "a-token-of-twenty-letters"
    assert Client().get("/metrics").status_code == 403
    assert Client(headers={"authorization": "Bearer wrong"}).get("/metrics").status_code == 403
    right = Client(headers={"authorization": "Bearer a-token-of-twenty-letters"})
    assert right.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 200


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "run").mkdir()
    yield tmp_path


def test_several_web_processes_are_told_as_one(home: Path) -> None:
    code = "import sys, django; django.setup(); from django.test import Client\n"
    code += "c = Client(headers={'host': '127.0.0.1'})\n"
    ask = code + "for _ in range(int(sys.argv[1])): c.get('/livez'); c.get('/no/such/' + sys.argv[1])"
    environment = os.environ | {
        "LLMOPS_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "llmops.settings",
        "LLMOPS_DEBUG": "1",
    }

    def run(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout

    run(ask, "2")
    run(ask, "3")
    told = read(run(code + "print(c.get('/metrics').content.decode())"))
    live = frozenset({("route", "livez"), ("method", "GET"), ("status", "200")})
    unknown = frozenset({("route", "none"), ("method", "GET"), ("status", "404")})
    assert told[("llmops_http_requests_total", live)] == 5
    assert told[("llmops_http_requests_total", unknown)] == 5
    assert told[("llmops_http_request_seconds_count", frozenset({("route", "livez")}))] == 5
