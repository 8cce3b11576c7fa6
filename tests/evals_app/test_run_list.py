"""The list of runs: what it can be narrowed down to, and what it costs."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode
from pytest_django import DjangoAssertNumQueries

from evals_app.models import Result, Run
from evals_app.services.summaries import run_summarise
from llmops.core.choices import Role
from llmops.core.models import User
from llmops.core.services import member_set
from tests.evals_app.factories import World, drive, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world(n_cases=1)


def signed_in(client: Client, world: World, role: Role = Role.EDITOR) -> Client:
    user = User.objects.create_user("someone@example.com", "long enough 1")
    member_set(project=world.project, user=user, role=role)
    client.force_login(user)
    return client


def listed(client: Client, world: World, query: str = "") -> set[int]:
    """The runs that the list shows, by their links."""
    address = reverse("evals:run-list", kwargs={"project": world.project.slug})
    return {int(pk) for pk in re.findall(r'id="run-(\d+)"', client.get(address + query).content.decode())}


def finished(world: World) -> None:
    run = world.run()
    Run.objects.filter(pk=run.pk).update(state="finished")
    run.refresh_from_db()
    run_summarise(run)


def test_a_run_whose_price_nobody_knows_is_not_said_to_be_free(client: Client, world: World) -> None:
    signed_in(client, world)
    free, unknown = world.run(), world.run()
    Run.objects.update(state="finished")
    Run.objects.filter(pk=unknown.pk).update(quote_cost_usd=None)
    names = {"project": world.project.slug}
    pages = [reverse("evals:run-detail", kwargs=names | {"run_id": run.pk}) for run in (free, unknown)]
    notes = [re.search(r'verdict-note">.*answered.*</p>', client.get(page).content.decode()) for page in pages]
    assert [note and ("$0" in note[0], "price not known" in note[0]) for note in notes] == [
        (True, False),
        (False, True),
    ]
    costs = re.findall(
        r'data-name="Cost">(.*?)</td>', client.get(reverse("evals:run-list", kwargs=names)).content.decode()
    )
    assert costs == ["price not known", "$0"]


def test_runs_are_narrowed_down_by_state_prompt_dataset_and_words(client: Client, world: World) -> None:
    signed_in(client, world)
    other = world.prompt("fixed:no")
    going, ended = world.run(label="nightly"), world.run()
    done = world.run(version=other, dataset=world.with_cases(["a"]))
    Run.objects.filter(pk=ended.pk).update(state="stopped")
    Run.objects.filter(pk=done.pk).update(state="finished")
    assert listed(client, world) == {going.pk, ended.pk, done.pk}
    assert listed(client, world, "?state=going") == {going.pk}
    assert listed(client, world, "?state=ended") == {ended.pk}
    assert listed(client, world, f"?prompt={other.prompt.name}") == {done.pk}
    assert listed(client, world, f"?dataset={world.dataset.name}&state=finished") == set()
    assert listed(client, world, "?q=NIGHT") == {going.pk}
    assert listed(client, world, "?q=fixed%3Ano") == {done.pk}
    assert listed(client, world, "?state=of-mind") == set()


def test_the_list_and_the_search_over_everything_find_the_same_runs(client: Client, world: World) -> None:
    signed_in(client, world)
    noted, other = world.run(label="nightly 100% _"), world.run(version=world.prompt("fixed:no"))
    search = reverse("core:search", kwargs={"project": world.project.slug})
    expected = {
        "NIGHT": {noted.pk},
        "fixed:n": {other.pk},
        "0% _": {noted.pk},
        "echo": {noted.pk},
        "cases": {noted.pk, other.pk},
        str(other.pk): {other.pk},
        f"run {other.pk}": {other.pk},
        f"Run #{noted.pk}": {noted.pk},
        "9" * 30: set(),
        "run ": set(),
        "#": set(),
    }
    for text, runs in expected.items():
        assert listed(client, world, "?" + urlencode({"q": text})) >= runs, text
        groups = client.get(search, {"q": text}).context["groups"]
        hits = {hit.url for group in groups if group.label == "Runs" for hit in group.hits}
        assert listed(client, world, "?" + urlencode({"q": text})) == {int(url.split("/")[-2]) for url in hits}, text


def test_the_list_says_how_many_runs_are_in_which_state(client: Client, world: World) -> None:
    signed_in(client, world)
    for state in ("finished", "finished", "failed"):
        Run.objects.filter(pk=world.run().pk).update(state=state)
    text = client.get(reverse("evals:run-list", kwargs={"project": world.project.slug})).content.decode()
    chips = re.findall(r'<a class="chip"[^>]*><span>([^<]*)</span><span class="chip-count">(\d+)', text)
    assert chips == [("All", "3"), ("Finished", "2"), ("Stopped or failed", "1")]


def unanswered(world: World, *, of: int, n: int, state: str = "finished") -> Run:
    """A run of so many cases of which so many have no answer."""
    run = world.run(dataset=world.with_cases([f"text {at}" for at in range(of)]))
    rows = Result.objects.filter(run=run).order_by("pk")
    missing = list(rows.values_list("pk", flat=True)[:n])
    rows.filter(pk__in=missing).update(state="error", reason="It took too long.")
    rows.exclude(pk__in=missing).update(state="done")
    Run.objects.filter(pk=run.pk).update(state=state, n_finished=of)
    return run


def test_a_run_without_any_answer_is_not_said_to_be_finished(client: Client, world: World) -> None:
    signed_in(client, world)
    unanswered(world, of=3, n=3)
    unanswered(world, of=3, n=2)
    unanswered(world, of=3, n=0)
    home = reverse("core:home", kwargs={"project": world.project.slug})
    runs = reverse("evals:run-list", kwargs={"project": world.project.slug})
    for page in (home, runs):
        cells = re.findall(
            r'data-name="State">\s*<span [^>]*>.*?<span>([^<]*)</span>', client.get(page).content.decode()
        )
        assert cells == ["finished", "finished", "no answers"]
    answers = re.findall(r'data-name="Answers">(.*?)</td>', client.get(runs).content.decode())
    assert [re.sub("<[^>]*>", "", each) for each in answers] == ["3", "1 of 3", "0 of 3"]
    assert re.findall(r"\d of 3 answered", client.get(home).content.decode()) == ["1 of 3 answered", "0 of 3 answered"]


def test_runs_with_answers_missing_are_found_whatever_state_they_are_in(client: Client, world: World) -> None:
    signed_in(client, world)
    address = reverse("evals:run-list", kwargs={"project": world.project.slug})
    unanswered(world, of=2, n=0)
    assert "Answers missing" not in client.get(address).content.decode()
    some, none, stopped = (
        unanswered(world, of=2, n=n, state=state) for n, state in ((1, "finished"), (2, "finished"), (1, "stopped"))
    )
    assert listed(client, world, "?state=missing") == {some.pk, none.pk, stopped.pk}
    assert listed(client, world, f"?state=missing&dataset={some.dataset.name}") == {some.pk}
    text = client.get(address).content.decode()
    chips = re.findall(r'<a class="chip"[^>]*><span>([^<]*)</span><span class="chip-count">(\d+)', text)
    assert chips == [("All", "4"), ("Finished", "3"), ("Stopped or failed", "1"), ("Answers missing", "3")]


def test_home_the_list_and_the_run_say_what_was_found_in_the_same_words(client: Client, world: World) -> None:
    signed_in(client, world)
    scale = {"question": "Is it kind?", "scale": "one_to_five"}
    kind, said = world.judge("fixed:Grade: 4", config=scale), world.judge("fixed:Grade: yes")
    runs = [world.run(), world.run(evaluators=[kind]), world.run(evaluators=[said])]
    drive()
    found = [
        "100 % correct (n = 1)",
        f"{kind.evaluator.name}: 4 (n = 1)",
        f"100 % yes on “{said.evaluator.name}” (n = 1)",
    ]
    names = {"project": world.project.slug}
    for page in (reverse("core:home", kwargs=names), reverse("evals:run-list", kwargs=names)):
        cells = re.findall(r'data-name="Found">(.*?)</td>', client.get(page).content.decode(), re.DOTALL)
        assert [words(each) for each in reversed(cells)] == found
    for run, sentence in zip(runs, found, strict=True):
        shown = client.get(reverse("evals:run-detail", kwargs=names | {"run_id": run.pk})).content.decode()
        said_there = re.search(r'verdict-sentence">(.*?)</p>', shown)
        assert said_there and words(said_there[1]) == f"{sentence}."


def words(html: str) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", "", html)).split())


def test_who_may_only_look_is_not_sent_to_a_form_that_refuses(client: Client, world: World) -> None:
    signed_in(client, world, Role.VIEWER)
    address = reverse("evals:run-list", kwargs={"project": world.project.slug})
    start = reverse("evals:run-new", kwargs={"project": world.project.slug})
    assert start not in client.get(address).content.decode()
    world.run()
    assert start not in client.get(address).content.decode()


def test_the_list_takes_the_same_queries_however_long_it_is(
    client: Client,
    world: World,
    django_assert_num_queries: DjangoAssertNumQueries,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    signed_in(client, world)
    address = reverse("evals:run-list", kwargs={"project": world.project.slug})
    finished(world)
    client.get(address)
    with django_assert_max_num_queries(12) as few:
        client.get(address)
    for _ in range(4):
        finished(world)
    with django_assert_num_queries(len(few.captured_queries)):
        client.get(address)
