"""R8: fifty requests with one Idempotency-Key at once, over real HTTP, start one run."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import pytest

from evals_app.models import Result, Run
from llmops.core.choices import Scope
from llmops.core.services import api_key_create
from tests.evals_app.factories import make_world
from tests.jobs.processes import Platform

pytestmark = [pytest.mark.jobs, pytest.mark.xdist_group("programs")]

CLICKS = 50


class Answer(NamedTuple):
    status: int
    body: Any


def post(url: str, key: str, body: Any, idempotency_key: str) -> Answer:
    request = urllib.request.Request(
        f"{url}/api/v1/runs/",
        method="POST",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, json.load(answer))
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, json.load(refused))


def test_r8_one_key_starts_one_run_however_often_and_fast_it_is_sent(platform: Platform) -> None:
    world = make_world(n_cases=20)
    key = api_key_create(project=world.project, name="test", scopes=[Scope.WRITE]).text
    body = {"dataset": "cases", "prompt": "echo", "evaluators": ["Exact"]}
    answers: list[Answer] = []
    together = threading.Barrier(CLICKS)

    def click() -> None:
        together.wait(30)
        answers.append(post(platform.web_url, key, body, "one click"))

    threads = [threading.Thread(target=click) for _ in range(CLICKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == CLICKS
    assert {answer.status for answer in answers} == {201}
    assert all(answer.body == answers[0].body for answer in answers)
    run = Run.objects.get()
    assert (answers[0].body["id"], Result.objects.filter(run=run).count()) == (str(run.pk), 20)

    other = post(platform.web_url, key, {**body, "repeats": 2}, "one click")
    assert (other.status, other.body["error"]["code"]) == (409, "idempotency_key_reused")
    again = post(platform.web_url, key, body, "one click")
    assert again == Answer(201, answers[0].body)
    assert post(platform.web_url, key, body, "another click").body["id"] != str(run.pk)
    assert Run.objects.count() == 2
