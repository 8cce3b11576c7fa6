"""The quote of a run, from what the ledger and the runs before know."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evals_app.models import Run
from evals_app.services.runs import RunProblem, RunSettings, run_create, run_preview
from llmops.core.choices import Role
from llmops.core.models import Connection, ModelCall, User
from llmops.core.services import ConnectionSettings, connection_create, member_set
from llmops.providers.base import LOCAL_MODEL, Vendor
from tests.evals_app.factories import World, calls_of, drive, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback", "redis_client")]


@pytest.fixture
def world() -> World:
    return make_world(n_cases=40)


def local_of(world: World) -> Connection:
    return connection_create(project=world.project, wanted=ConnectionSettings(name="here", vendor=Vendor.LOCAL))


def ask(world: World, connection: Connection, **wanted: Any) -> Any:
    wanted = {"evaluators": [], "model": "tiny"} | wanted
    return run_preview(
        wanted=RunSettings(dataset=world.dataset, version=world.version, connection=connection, **wanted)
    )


def answered(connection: Connection, *, ended_at: datetime, took_s: float, purpose: str = "run") -> None:
    ModelCall.objects.create(
        project_id=connection.project_id,
        connection_id=connection.pk,
        vendor=connection.vendor,
        model="tiny",
        attempt=1,
        purpose=purpose,
        state="ok",
        started_at=ended_at - timedelta(seconds=took_s),
        finished_at=ended_at,
        latency_ms=round(took_s * 1000),
        output_tokens=60,
    )


def test_the_local_model_is_no_quicker_for_ten_calls_at_a_time(world: World) -> None:
    local = local_of(world)
    assert ask(world, local, concurrency=10).seconds == pytest.approx(40 * 2.0 + 1)
    assert ask(world, local, concurrency=50).seconds == pytest.approx(40 * 2.0 + 1)


@pytest.mark.parametrize(
    ("of_prompt", "of_run", "asked_for"),
    [
        (Vendor.PRACTICE, Vendor.PRACTICE, "big-1"),
        (Vendor.PRACTICE, Vendor.OPENAI, ""),
        (Vendor.PRACTICE, Vendor.OPENAI_COMPATIBLE, ""),
        (Vendor.OPENAI, Vendor.ANTHROPIC, ""),
        (Vendor.OPENAI, Vendor.OPENAI_COMPATIBLE, "big-1"),
        (Vendor.OPENAI_COMPATIBLE, Vendor.OPENAI_COMPATIBLE, "big-1"),
        (Vendor.OPENAI_COMPATIBLE, Vendor.OPENAI, ""),
        (Vendor.OPENAI_COMPATIBLE, Vendor.LOCAL, LOCAL_MODEL),
        (Vendor.OPENAI, Vendor.PRACTICE, "echo"),
        (Vendor.LOCAL, Vendor.PRACTICE, "echo"),
    ],
)
def test_the_prompts_own_model_is_not_asked_of_another_vendor(
    world: World, of_prompt: Vendor, of_run: Vendor, asked_for: str
) -> None:
    """`asked_for`: the model of a run that names none, over a connection that names none; empty when it is refused."""

    def made(name: str, vendor: Vendor) -> Connection:
        connection = connection_create(
            project=world.project, wanted=ConnectionSettings(name=name, vendor=Vendor.PRACTICE)
        )
        Connection.objects.filter(pk=connection.pk).update(vendor=vendor)
        connection.refresh_from_db()
        return connection

    asked = RunSettings(
        dataset=world.dataset,
        version=world.prompt("big-1", connection=made("first", of_prompt)),
        connection=made("second", of_run),
        evaluators=[],
    )
    assert run_preview(wanted=replace(asked, model="other-1")).calls == 40
    if of_run is Vendor.LOCAL:
        typed = replace(asked, model="SmolLM2-135M-Instruct")
        assert run_create(project=world.project, wanted=typed).model == LOCAL_MODEL
    if asked_for:
        assert run_create(project=world.project, wanted=asked).model == asked_for
    else:
        with pytest.raises(RunProblem, match=r"“big-1” is a model of another vendor\. Say which model of “second”"):
            run_preview(wanted=asked)
    Connection.objects.filter(name="second").update(default_model="usual-1")
    run = run_create(project=world.project, wanted=replace(asked, connection=Connection.objects.get(name="second")))
    assert run.model == ("big-1" if asked_for == "big-1" else "usual-1")


def test_what_the_local_model_took_before_counts_first(world: World) -> None:
    """Eight calls of 8 s that overlap take 11.5 s of this machine's time in all, and two by themselves 0.5 s each."""
    local, now = local_of(world), timezone.now()
    for at in range(8):
        answered(local, ended_at=now + timedelta(seconds=at / 2), took_s=8.0, purpose=["run", "judge"][at % 2])
    for at in range(2):
        answered(local, ended_at=now - timedelta(hours=1, seconds=at), took_s=0.5)
    assert ask(world, local, concurrency=10).seconds == pytest.approx(40 * (11.5 + 1.0) / 10 + 1)


def test_a_judge_on_the_local_model_waits_for_the_same_machine(world: World) -> None:
    local = local_of(world)
    judge = world.judge("tiny", connection=local)
    assert ask(world, local, evaluators=[judge]).seconds == pytest.approx(80 * 2.0 + 1)


def test_how_much_longer_the_last_runs_took_widens_the_range(world: World) -> None:
    practice = world.version.connection
    assert practice is not None
    run = world.run()
    drive()
    assert {call.latency_ms for call in calls_of(run)} <= {0, 1, 2, 3, 4, 5}
    Run.objects.filter(pk=run.pk).update(quote_s=2.0)
    took_s = {"not yet known": 2.0, "a busy machine": 8.0, "over night": 30_000.0}
    widths = {}
    for name, seconds in took_s.items():
        run.refresh_from_db()
        Run.objects.filter(pk=run.pk).update(finished_at=run.created_at + timedelta(seconds=seconds))
        found = ask(world, practice, model="echo")
        assert 1.0 < found.seconds < 2.0
        widths[name] = found.most_seconds / found.seconds
    assert widths == pytest.approx({"not yet known": 1.5, "a busy machine": 4.0, "over night": 6.0})


@pytest.mark.parametrize(("model", "seconds"), [("echo", 1.4), ("slow:1000", 5.4), ("slow:soon", 1.4)])
def test_how_long_the_practice_model_takes_is_known_before_it_was_asked(
    world: World, model: str, seconds: float
) -> None:
    practice = world.version.connection
    assert practice is not None
    assert ask(world, practice, model=model).seconds == pytest.approx(seconds)


def test_the_page_says_a_range_in_plain_words(client: Client) -> None:
    world = make_world(n_cases=40, base_url="http://127.0.0.1:9/v1")
    user = User.objects.create_user("someone@example.com", "long enough 1")
    member_set(project=world.project, user=user, role=Role.EDITOR)
    client.force_login(user)
    page = client.get(
        reverse("evals:run-quote", args=[world.project.slug]),
        {"prompt": "echo", "dataset": "cases", "concurrency": 10, "repeats": 1},
    ).content.decode()
    assert "<b>40 calls</b>" in page
    assert "takes <b>9 to 15 seconds</b>" in page
