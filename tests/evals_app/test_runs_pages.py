"""Pages of runs."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from evals_app.engine.case_files import CaseRow
from evals_app.models import Dataset, Result, Run
from evals_app.selectors.datasets import cases_at
from evals_app.services.datasets import cases_put, dataset_create
from evals_app.services.evaluators import evaluator_create
from evals_app.services.runs import RunSettings, UploadedOutput, run_upload
from llmops.core.choices import Role
from llmops.core.models import Connection, User
from llmops.core.services import connection_archive, member_set
from llmops.providers.base import LOCAL_MODEL, Message, Vendor
from prompts_app.models import Prompt
from prompts_app.services import VersionContent, prompt_archive, version_publish
from tests.core.factories import make_connection, make_room, make_user, signed_in
from tests.evals_app.factories import World, drive, make_world
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
    assert causes(verdict) == [("2", "The key was refused. Enter a new one under Models."), ("1", "It took too long.")]
    assert verdict.count(f'href="/p/{run.project.slug}/runs/{run.pk}/?show=error#run-results"') == 1


def test_of_many_causes_the_most_frequent_are_named_and_the_rest_summed_up() -> None:
    run = make_world(n_cases=12).run()
    results = list(Result.objects.filter(run=run).order_by("pk"))
    for result, reason in zip(results, "ccabbbadefg", strict=False):
        Result.objects.filter(pk=result.pk).update(state="error", reason=f"Reason {reason}.")
    Result.objects.filter(pk=results[-1].pk).update(state="done")
    Run.objects.filter(pk=run.pk).update(state="finished")
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    page = reader(run).get(here).content.decode()
    assert causes(page[: page.index('id="run-results"')]) == [
        ("3", "Reason b."),
        ("2", "Reason a."),
        ("2", "Reason c."),
        ("1", "Reason d."),
        ("1", "Reason e."),
        ("2", "for other reasons"),
    ]
    rows = reader(run).get(f"{here}?show=error").content.decode()
    assert len(re.findall(r'<tr id="result-', rows)) == 11


def causes(html: str) -> list[tuple[str, str]]:
    """Why answers are missing, as the page of a run names it: how many, and the reason."""
    found = re.findall(r"<li><b>(\d+)</b><span>(.*?)</span></li>", html)
    return [(n, re.sub("<[^>]*>", "", reason)) for n, reason in found]


def test_a_reason_that_sends_to_the_models_leads_to_the_connection_for_those_who_may_change_it() -> None:
    run = make_world(n_cases=2).run()
    Result.objects.filter(run=run).update(state="error", reason="No answer came. Check <its> address under Models.")
    Run.objects.filter(pk=run.pk).update(state="finished")
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    assert run.connection is not None
    own = reverse("core:connection-edit", args=[run.project.slug, run.connection.name])
    listed = reverse("core:connection-list", args=[run.project.slug])
    admin = signed_in(make_user(), run.project, Role.ADMIN)

    def line(client: Client) -> str:
        return re.findall(r"<li><b>2</b><span>(.*?)</span></li>", client.get(here).content.decode())[0]

    told = 'No answer came. Check &lt;its&gt; address under <a href="{}">Models</a>.'
    assert line(admin) == told.format(own)
    assert line(reader(run)) == told.format(listed)
    connection_archive(run.connection)
    assert line(admin) == told.format(listed)


def test_a_metric_that_scored_nothing_has_no_filters_unless_one_is_chosen() -> None:
    world = make_world(n_cases=2)
    run = world.run()
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    client = reader(run)

    def chips(query: str = "") -> list[str]:
        html = client.get(here + query).content.decode()
        return [unescape(label) for label in re.findall(r'<a class="chip"[^>]*><span>([^<]*)</span>', html)]

    metric = world.exact.evaluator.name
    pair = [f"{metric}: yes", f"{metric}: no"]
    assert not set(pair) & set(chips())
    assert chips("?show=right")[1:3] == chips("?show=wrong")[1:3] == pair
    drive()
    assert chips()[1:3] == pair


def test_a_run_leads_to_its_prompt_and_dataset_and_says_its_long_name_in_full_where_it_is_cut() -> None:
    world = make_world(n_cases=1)
    Prompt.objects.filter(pk=world.version.prompt_id).update(name="p" * 120)
    Dataset.objects.filter(pk=world.dataset.pk).update(name="d" * 120)
    world.version.prompt.refresh_from_db()
    world.dataset.refresh_from_db()
    run = world.run()
    client = reader(run)
    page = client.get(reverse("evals:run-detail", args=[run.project.slug, run.pk])).content.decode()
    heading = page[page.index("<h1>") : page.index("</h1>")]
    assert re.findall(r'title="([^"]+)"', heading) == ["p" * 120, "d" * 120]
    assert [client.get(url).status_code for url in re.findall(r'<a href="([^"]+)"', heading)] == [200, 200]
    text = re.sub("<[^>]*>", "", heading)
    assert "version\xa01" in unescape(text)
    assert not re.search("p{60}|d{80}", text)
    listed = client.get(reverse("evals:run-list", args=[run.project.slug])).content.decode()
    assert f'title="{"p" * 120}, version 1, on “{"d" * 120}”"' in unescape(listed)
    assert "version\xa01" in unescape(listed)


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("queued", [("Stop", False)]),
        ("running", [("Stop", False)]),
        ("stopping", []),
        ("stopped", [("Go on", True), ("Run again", False)]),
        ("failed", [("Go on", True), ("Run again", False)]),
        ("finished", [("Change the prompt", True), ("Run again", False)]),
    ],
)
def test_a_run_offers_what_can_be_done_in_its_state(state: str, buttons: list[tuple[str, bool]]) -> None:
    run = make_world(n_cases=1).run()
    Run.objects.filter(pk=run.pk).update(state=state)
    editor = signed_in(make_user(), run.project, Role.EDITOR)
    page = editor.get(reverse("evals:run-detail", args=[run.project.slug, run.pk])).content.decode()
    actions = page.split('class="head-actions"')[1].split("</header>")[0]
    found = re.findall(r'class="(btn[^"]*)"[^>]*>.*?</svg>([^<]*)<', actions)
    assert [(word, "btn-primary" in classes) for classes, word in found] == buttons


def test_the_prompt_of_a_run_is_changed_by_who_may_and_while_it_is_not_archived() -> None:
    run = make_world(n_cases=1).run()
    Run.objects.filter(pk=run.pk).update(state="finished")
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    assert run.prompt_version is not None
    editor = signed_in(make_user(), run.project, Role.EDITOR)
    assert "Change the prompt" in editor.get(here).content.decode()
    assert "Change the prompt" not in reader(run).get(here).content.decode()
    prompt_archive(run.prompt_version.prompt)
    assert "Change the prompt" not in editor.get(here).content.decode()


def test_a_run_says_which_metric_its_sentence_is_of_and_what_kind_of_model_answered() -> None:
    world = make_world(n_cases=2)
    run = world.run()
    drive()
    client = reader(run)

    def lead_and_facts() -> str:
        page = client.get(reverse("evals:run-detail", args=[run.project.slug, run.pk])).content.decode()
        return page[page.index("<h1>") : page.index('id="run-results"')]

    assert "with echo, a practice model." in lead_and_facts()
    assert f"2 answered and scored by {world.exact.evaluator.name}" in lead_and_facts()
    Connection.objects.filter(pk=run.connection_id).update(vendor=Vendor.OPENAI)
    assert "with echo." in lead_and_facts()


def test_a_run_that_has_ended_says_what_it_cost_and_what_was_expected_beside_it() -> None:
    run = make_world(n_cases=1).run()
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    client = reader(run)

    def shown(**fields: object) -> str:
        Run.objects.filter(pk=run.pk).update(**fields)
        page = client.get(here).content.decode()
        return page[page.index("<main") : page.index("</main>")]

    assert "expected $" not in shown(state="finished", quote_cost_usd=0, quote_s=2)
    assert "$0.12" in (said := shown(quote_cost_usd="0.1", spent_usd="0.12", quote_s=200))
    assert "expected $0.10 and 3 to 4 minutes" in said
    assert "$0.10 expected" in shown(state="running")


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


def reader(run: Run) -> Client:
    """A browser of somebody who may read the run."""
    return signed_in(make_user(), run.project, Role.VIEWER)


def test_answers_made_elsewhere_have_no_price_no_wait_and_no_attempts() -> None:
    world = make_world(n_cases=3)
    wanted = RunSettings(dataset=world.dataset, evaluators=[world.exact], label="the old assistant")
    cases = cases_at(world.dataset, revision=world.dataset.revision)
    run = run_upload(project=world.project, wanted=wanted, outputs=[UploadedOutput(case, "so", {}) for case in cases])
    Run.objects.filter(pk=run.pk).update(state="finished")
    result = Result.objects.filter(run=run).earliest("pk")
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    page = reader(run).get(f"{here}?result={result.pk}").content.decode()
    main = page[page.index("<main") : page.index("</main>")]
    assert "Answered elsewhere" in main
    assert main.count("the old assistant") == 1  # in the heading, and not once more below it
    assert not any(word in main for word in ("$", "attempt", ">Wait<"))
    listed = reader(run).get(reverse("evals:run-list", args=[run.project.slug])).content.decode()
    listed = listed[listed.index("<tbody") : listed.index("</tbody>")]
    assert (listed.count("the old assistant"), "$" in listed) == (1, False)
    waited = world.run()
    asked = reverse("evals:run-detail", args=[run.project.slug, waited.pk])
    assert ">Wait<" not in reader(run).get(asked).content.decode()
    Result.objects.filter(run=waited).update(latency_ms=700)
    assert ">Wait<" in reader(run).get(asked).content.decode()


def test_a_result_leads_to_its_neighbours_in_the_list_as_it_is_narrowed_down() -> None:
    run = make_world(n_cases=4).run()
    first, second, third, last = Result.objects.filter(run=run).order_by("pk")
    Result.objects.filter(pk__in=[second.pk, last.pk]).update(state="error", reason="It took too long.")
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    client = reader(run)

    def steps(query: str) -> dict[str, str]:
        page = unescape(client.get(f"{here}?{query}").content.decode())
        return {name: url for url, name in re.findall(r'href="([^"]+)" hx-get[^>]+ data-panel-step="(\w+)"', page)}

    def to(result: Result, kept: str = "") -> str:
        return f"{here}?{kept}result={result.pk}"

    assert steps(f"result={first.pk}") == {"next": to(second)}
    assert steps(f"result={second.pk}") == {"previous": to(first), "next": to(third)}
    assert steps(f"show=error&result={second.pk}") == {"next": to(last, "show=error&")}
    assert steps(f"show=error&result={last.pk}") == {"previous": to(second, "show=error&")}
    assert steps(f"show=error&result={third.pk}") == {}


def test_a_result_leads_to_its_case_and_its_prompt() -> None:
    run = make_world(n_cases=1).run()
    result = Result.objects.get(run=run)
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    page = unescape(reader(run).get(f"{here}?result={result.pk}").content.decode())
    case = reverse("evals:dataset-detail", args=[run.project.slug, run.dataset.name])
    assert f'href="{case}?case={result.case_version.case_id}"' in page
    prompt = reverse("prompts:prompt-detail", args=[run.project.slug, run.prompt_version.prompt.name])
    panel = page[page.index('id="result-panel"') :]
    assert f'href="{prompt}"' not in panel, "who reads may not change it"


def test_the_story_of_a_result_names_its_inputs_in_the_order_of_the_columns() -> None:
    world = make_world()
    dataset = dataset_create(project=world.project, name="ordered")
    cases_put(dataset, [CaseRow(inputs={"question": "Why?", "id": "", "about": "x"})])
    dataset.refresh_from_db()
    run = world.run(dataset=dataset, version=world.prompt("echo", text="{{question}}"))
    result = Result.objects.get(run=run)
    here = reverse("evals:run-detail", args=[run.project.slug, run.pk])
    panel = reader(run).get(f"{here}?result={result.pk}").content.decode().split('class="panel-body"')[1]
    assert re.findall(r'part-name">(question|id|about)<', panel) == ["question", "id", "about"]
    assert "(empty)" in panel


def test_the_quote_is_there_before_any_script_asks_for_it() -> None:
    world = make_world(n_cases=3)
    page = signed_in(make_user(), world.project, Role.EDITOR)
    address = reverse("evals:run-new", args=[world.project.slug])
    chosen = {"prompt": world.version.prompt.name, "dataset": world.dataset.name}
    assert "makes <b>3 calls</b>" in page.get(address, chosen).content.decode()
    other = world.prompt("echo", text="{{customer}}")
    shown = unescape(page.get(address, chosen | {"prompt": other.prompt.name}).content.decode())
    assert "The prompt uses {{customer}}, but no case" in shown
    refused = page.post(address, chosen | {"prompt": other.prompt.name, "repeats": 1, "concurrency": 1, "token": "t"})
    assert (refused.status_code, "Not started yet." in refused.content.decode()) == (422, True)


def test_the_models_of_the_connections_are_proposed_and_each_says_whose_it_is() -> None:
    world = make_world(n_cases=1)
    for name, vendor, own in (
        ("claude", Vendor.ANTHROPIC, ""),
        ("here", Vendor.LOCAL, ""),
        ("server", Vendor.OPENAI_COMPATIBLE, "qwen"),
        ("gone", Vendor.COHERE, ""),
        ("claude too", Vendor.ANTHROPIC, "claude-of-ours"),
    ):
        wanted = {"base_url": "https://models.example.com/v1"} if vendor is Vendor.OPENAI_COMPATIBLE else {}
        make_connection(world.project, name=name, vendor=vendor, api_key="k", default_model=own, **wanted)
    connection_archive(Connection.objects.get(name="gone"))
    page = signed_in(make_user(), world.project, Role.EDITOR)
    shown = page.get(reverse("evals:run-new", args=[world.project.slug])).content.decode()
    box = re.search(r'<input[^>]*name="model"[^>]*>', shown)
    assert box and 'list="run-models"' in box[0]
    offered = shown.split('<datalist id="run-models">')[1].split("</datalist>")[0]
    proposed = re.findall(r'<option value="([^"]+)" label="([^"]+)"', offered)
    assert dict(proposed)["qwen"] == "server"
    assert dict(proposed)["claude-of-ours"] == "claude too"
    assert dict(proposed)["claude-haiku-4-5"] == "claude, claude too"
    assert {LOCAL_MODEL, "banker"} <= dict(proposed).keys()
    assert len(dict(proposed)) == len(proposed)
    assert "command" not in offered


def test_numbers_that_cannot_be_are_answered_with_those_that_can() -> None:
    world = make_world(n_cases=1)
    page = signed_in(make_user(), world.project, Role.EDITOR)
    wrong = {"version": "0", "sample": "-3", "repeats": "99", "concurrency": "", "budget_usd": "-1"}
    refused = page.post(reverse("evals:run-new", args=[world.project.slug]), wrong | {"token": "t"})
    shown = unescape(refused.content.decode())
    for sentence in (
        "Versions are numbered from 1.", "A sample has at least one case.", "asked from 1 to 20 times.",
        "From 1 to 500 calls go out at a time.", "A budget is more than zero dollars.",
    ):  # fmt: skip
        assert sentence in shown
    assert "Ensure this value" not in shown


def test_a_run_that_nobody_could_score_says_why() -> None:
    world = make_world(n_cases=3)
    judge = world.judge("fixed:perhaps")
    shown = _shown(world, world.run(evaluators=[judge]))
    assert f"{judge.evaluator.name}</b>: nothing could be scored" in shown
    assert f"None of the answers could be scored by {judge.evaluator.name}. Most often because: The judge" in shown


def test_a_run_with_categories_says_how_many_of_each() -> None:
    world = make_world(n_cases=3)
    config = {"question": "Which tone?", "scale": "categories", "categories": ["warm", "cool"]}
    tone = evaluator_create(
        project=world.project,
        name="Tone",
        kind="rubric",
        config=config,
        connection=world.connection,
        model="fixed:warm",
    )
    run = world.run(evaluators=[tone])
    assert "<b>Tone</b>: warm 3." in _shown(world, run)
    page = signed_in(make_user(), world.project, Role.VIEWER)
    listed = page.get(reverse("evals:run-list", args=[world.project.slug])).content.decode()
    assert "Tone</b>: 3 scored" in listed


def _shown(world: World, run: Run) -> str:
    """The page of a run when it has ended."""
    drive()
    page = signed_in(make_user(), world.project, Role.VIEWER)
    address = reverse("evals:run-detail", kwargs={"project": world.project.slug, "run_id": run.pk})
    return unescape(page.get(address).content.decode())
