"""What a worker does around its tasks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun
from django.db import connection

from evals_app.tasks import tick_runs
from llmops.celery import app


@pytest.mark.django_db(transaction=True)
def test_sessions_with_the_database_are_left_to_the_next_task() -> None:
    in_turn = connection.settings_dict["OPTIONS"]["pool"]["max_size"]
    sessions = [_session_of_a_task() for _ in range(2 * in_turn)]
    assert set(sessions[in_turn:]) <= set(sessions[:in_turn]), "none is opened anew"
    assert connection.connection is None


def _session_of_a_task() -> int:
    """What a worker process does around a task, with Celery's own part in it."""
    around = DjangoWorkerFixup(app)
    around.worker = SimpleNamespace(pool_cls="prefork")
    around.on_task_prerun(tick_runs)
    task_prerun.send(tick_runs, task_id="1", task=tick_runs)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone()
    around.on_task_postrun(tick_runs)
    task_postrun.send(tick_runs, task_id="1", task=tick_runs)
    return int(session)
