"""Pages of runs."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from evals_app.models import Result, Run
from evals_app.services.datasets import dataset_create
from llmops.core.choices import Role
from llmops.core.models import User
from llmops.core.services import member_set
from llmops.providers.base import Message
from prompts_app.services import VersionContent, version_publish
from tests.core.factories import make_room, make_user, signed_in
from tests.evals_app.factories import make_world
from tests.prompts_app.factories import make_prompt

pytestmark = pytest.mark.django_db


def test_a_budget_that_is_no_number_is_a_sentence_and_not_a_crash(client: Client) -> None:
    run = make_world(n_cases=1).run()
    Run.objects.filter(pk=run.pk).update(state="stopped")
    user = User.objects.create_user("someone@example.com", "long enough 1")
    member_set(project=run.project, user=user, role=Role.EDITOR)
    client.force_login(user)
    address = reverse("evals:run-resume", kwargs={"project": run.project.slug, "run_id": run.pk})
    page = client.post(address, {"budget_usd": "plenty"}, follow=True)
    assert page.status_code == 200
    assert "Enter a number" in page.content.decode()
    assert Run.objects.get(pk=run.pk).state == "stopped"


def test_where_nothing_can_be_run_the_page_says_what_to_make_first() -> None:
    room = make_room()

    def page() -> str:
        return unescape(room.client.get(f"{room.address}runs/new/").content.decode())

    assert "First there has to be a prompt" in page()
    assert reverse("prompts:prompt-new", args=[room.project.slug]) in page()
    make_prompt(room.project)
    assert "First there have to be cases" in page()
    assert reverse("evals:dataset-new", args=[room.project.slug]) in page()
    dataset_create(project=room.project, name="Questions", author=room.admin)
    assert 'id="run-quote"' in page()


def test_a_run_without_answers_says_why_and_not_only_in_its_rows(client: Client) -> None:
    run = make_world(n_cases=3).run()
    Result.objects.filter(run=run).update(state="error", reason="The key was refused. Enter a new one under Models.")
    Result.objects.filter(pk=Result.objects.filter(run=run).earliest("pk").pk).update(reason="It took too long.")
    Run.objects.filter(pk=run.pk).update(state="finished")
    user = User.objects.create_user("someone@example.com", "long enough 1")
    member_set(project=run.project, user=user, role=Role.EDITOR)
    client.force_login(user)
    page = client.get(f"/p/{run.project.slug}/runs/{run.pk}/").content.decode()
    verdict = page[: page.index('id="run-results"')]
    assert "No answer" in verdict
    assert "The key was refused. Enter a new one under Models." in verdict
    assert "It took too long." not in verdict


def test_the_quote_is_a_sentence_of_plain_english() -> None:
    world = make_world(n_cases=3)
    client = signed_in(make_user(), world.project, Role.EDITOR)
    chosen = {"prompt": "echo", "dataset": "cases", "repeats": 1, "concurrency": 10}
    answer = client.get(f"/p/{world.project.slug}/runs/quote/", chosen).content.decode()
    assert "takes <b>a few seconds</b>." in answer


def test_the_quote_says_which_version_it_is_for() -> None:
    world = make_world(n_cases=3)
    client = signed_in(make_user(), world.project, Role.EDITOR)
    content = VersionContent([Message("user", "Say {{text}}")], world.connection, "echo")
    version_publish(world.version.prompt, content=content)
    chosen = {"prompt": "echo", "dataset": "cases", "repeats": 1, "concurrency": 10}
    for version, said in (("", "Running version 2 makes"), ("1", "Running version 1 makes")):
        answer = client.get(f"/p/{world.project.slug}/runs/quote/", {**chosen, "version": version})
        assert said in answer.content.decode()
