"""Runs over REST, as the contract says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evals_app.engine.case_files import CaseRow
from evals_app.models import Result, Run
from evals_app.selectors.waiting import run_waiting
from evals_app.services import cases_put, dataset_archive, evaluator_create
from evals_app.services.summaries import summaries_fill
from llmops.core.choices import Scope
from llmops.core.models import Heartbeat
from llmops.core.services import WORKER, ConnectionSettings, api_key_create, connection_create, heartbeat
from llmops.providers.base import Vendor
from tests.core.factories import Api, error_of, fields_of
from tests.evals_app.factories import World, calls_of, drive, make_world, set_price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback", "redis_client")]


@pytest.fixture
def world() -> World:
    return make_world(n_cases=3)


@pytest.fixture
def api(world: World) -> Api:
    return api_of(world)


def api_of(world: World, scope: Scope = Scope.ALL) -> Api:
    return Api(api_key_create(project=world.project, name="test", scopes=[scope]).text)


def start(api: Api, **body: Any) -> Any:
    return api.post("runs/", {"dataset": "cases", "prompt": "echo", "evaluators": ["Exact"], **body})


def started(api: Api, **body: Any) -> str:
    answer = start(api, **body)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def shown(api: Api, run_id: str) -> Any:
    answer = api.get(f"runs/{run_id}/")
    assert answer.status_code == 200, answer.content
    return answer.json()


# -- start, watch, read ----------------------------------------------------------------------------


def test_a_run_is_quoted_queued_and_read_to_its_end(api: Api) -> None:
    answer = start(api)
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"id", "state", "quote"}
    assert isinstance(made["id"], str)
    assert (made["state"], made["quote"]["calls"], made["quote"]["cost_usd"]) == ("queued", 3, 0.0)
    assert made["quote"]["seconds"] > 0
    before = shown(api, made["id"])
    assert before["counts"] == {"total": 3, "pending": 3, "running": 0, "done": 0, "error": 0}
    assert (before["started_at"], before["finished_at"], before["usage"]["input_tokens"]) == (None, None, 0)
    drive()
    after = shown(api, made["id"])
    assert (after["state"], after["waiting_for"], after["cost_usd"]) == ("finished", [], 0.0)
    assert after["counts"] == {"total": 3, "pending": 0, "running": 0, "done": 3, "error": 0}
    assert after["usage"] == {"input_tokens": 6, "output_tokens": 6}
    assert (after["dataset"], after["prompt"], after["version"], after["model"]) == ("cases", "echo", 1, "echo")
    assert datetime.fromisoformat(after["started_at"]) <= datetime.fromisoformat(after["finished_at"])
    score = after["scores"]["Exact"]
    assert set(score) == {"estimate", "low", "high", "n", "method", "unscored", "error", "skipped"}
    assert (score["estimate"], score["n"], score["high"]) == (1.0, 3, 1.0)
    assert 0 < score["low"] < 1
    assert (score["unscored"], score["error"], score["skipped"]) == (0, 0, 0)


def test_the_quote_adds_judges_and_says_when_a_price_is_not_known(world: World, api: Api) -> None:
    set_price("echo", "1000")
    world.judge("fixed:Grade: yes")
    [judge] = [row["name"] for row in api.get("evaluators/").json()["results"] if row["name"] != "Exact"]
    quote = start(api, repeats=2, evaluators=["Exact", judge]).json()["quote"]
    assert quote["calls"] == 12
    assert quote["cost_usd"] > 0
    unknown = ConnectionSettings(name="own", vendor=Vendor.OPENAI_COMPATIBLE, base_url="http://127.0.0.1:9/v1")
    connection_create(project=world.project, wanted=unknown)
    made = start(api, model={"connection": "own", "model": "x"}).json()
    assert made["quote"]["cost_usd"] is None
    assert shown(api, made["id"])["cost_usd"] is None


def test_results_come_in_the_datasets_order_page_by_page(api: Api, world: World) -> None:
    run_id = started(api, repeats=2)
    drive()
    rows, cursor, pages = [], "", 0
    while cursor is not None:
        page = api.get(f"runs/{run_id}/results/?limit=4&cursor={cursor}").json()
        rows, cursor, pages = rows + page["results"], page["next"], pages + 1
    assert pages == 2
    expected = [(f"text {at}", repeat) for at in range(3) for repeat in (1, 2)]
    assert [(row["inputs"]["text"], row["repeat"]) for row in rows] == expected
    row = rows[0]
    assert (row["state"], row["reason"], row["output"], row["expected"]) == ("done", "", "text 0", "text 0")
    assert (row["attempts"], row["cost_usd"]) == (1, 0.0)
    assert isinstance(row["latency_ms"], int)
    assert row["scores"]["Exact"]["value"] is True
    assert row["scores"]["Exact"]["state"] == "scored"
    assert row["scores"]["Exact"]["source"] == "code"
    assert "expected" in row["scores"]["Exact"]["reason"]


def test_a_result_without_an_answer_says_why(api: Api, world: World) -> None:
    run_id = started(api, model={"model": "no such model"})
    drive()
    state = shown(api, run_id)
    assert (state["state"], state["counts"]["error"]) == ("finished", 3)
    assert state["scores"]["Exact"] == {
        **dict.fromkeys(("estimate", "low", "high")),
        **dict.fromkeys(("n", "unscored", "error", "skipped"), 0),
        "method": state["scores"]["Exact"]["method"],
    }
    row = api.get(f"runs/{run_id}/results/").json()["results"][0]
    assert (row["state"], row["output"], row["error_kind"], row["scores"]) == ("error", None, "no_such_model", {})
    assert "does not know the model “no such model”" in row["reason"]


def test_kept_summaries_say_the_same_as_the_scores(api: Api) -> None:
    run_id = started(api, model={"model": "fixed:text 1"})
    drive()
    computed = shown(api, run_id)["scores"]
    assert summaries_fill() == 1
    assert shown(api, run_id)["scores"] == computed
    assert computed["Exact"]["estimate"] == pytest.approx(1 / 3)


def test_the_list_of_runs_takes_few_queries_however_many_runs(api: Api) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            assert api.get("runs/").status_code == 200
        return len(captured)

    started(api)
    drive()
    summaries_fill()
    api.get("runs/")  # notes that the key was used
    one = queries()
    for _ in range(4):
        started(api)
    drive()
    summaries_fill()
    assert queries() == one <= 6
    listed = api.get("runs/?limit=2").json()
    assert [len(listed["results"]), listed["next"] is not None] == [2, True]
    assert int(listed["results"][0]["id"]) > int(listed["results"][1]["id"])
    assert listed["results"][0] == shown(api, listed["results"][0]["id"])


# -- stop, resume, rescore -------------------------------------------------------------------------


def test_a_run_is_stopped_resumed_and_not_resumed_twice(api: Api) -> None:
    run_id = started(api)
    stopped = api.post(f"runs/{run_id}/stop/")
    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
    assert stopped.json()["reason"] == "Stopped by a person."
    assert api.post(f"runs/{run_id}/stop/").json()["state"] == "stopped"
    resumed = api.post(f"runs/{run_id}/resume/", {})
    assert (resumed.status_code, resumed.json()["state"], resumed.json()["reason"]) == (200, "queued", "")
    assert api.post(f"runs/{run_id}/resume/", {}).json()["state"] == "queued"
    drive()
    assert shown(api, run_id)["counts"]["done"] == 3
    assert api.post(f"runs/{run_id}/stop/").json()["state"] == "finished"
    again = api.post(f"runs/{run_id}/resume/", {})
    assert (again.status_code, fields_of(again)) == (409, ["state"])


def test_a_run_stops_at_its_budget_and_goes_on_with_a_larger_one(api: Api, world: World) -> None:
    set_price("echo", "1000")  # 4 tokens a call: 0.4 cents
    run_id = started(api, budget_usd=0.005, concurrency=1)
    drive()
    state = shown(api, run_id)
    assert (state["state"], state["counts"]["done"], state["cost_usd"]) == ("stopped", 2, 0.008)
    assert state["reason"] == "Stopped at its budget of $0.005. Raise the budget to go on."
    refused = api.post(f"runs/{run_id}/resume/", {})
    assert (refused.status_code, fields_of(refused)) == (422, ["budget_usd"])
    assert "$0.008 of $0.005 is spent" in error_of(refused)["message"]
    assert api.post(f"runs/{run_id}/resume/", {"budget_usd": "0.5"}).status_code == 200
    drive()
    state = shown(api, run_id)
    assert (state["state"], state["counts"]["done"], state["cost_usd"]) == ("finished", 3, 0.012)
    assert len(calls_of(Run.objects.get(pk=run_id))) == 3


def test_rescoring_marks_with_the_newest_versions(api: Api, world: World) -> None:
    run_id = started(api)
    early = api.post(f"runs/{run_id}/rescore/", {})
    assert (early.status_code, fields_of(early)) == (409, ["state"])
    drive()
    evaluator_create(project=world.project, name="Contains", kind="contains", config={})
    assert api.post(f"runs/{run_id}/rescore/", {"evaluators": ["Nothing"]}).status_code == 422
    again = api.post(f"runs/{run_id}/rescore/", {"evaluators": ["Contains"]})
    assert (again.status_code, again.json()["state"]) == (200, "queued")
    drive()
    assert set(shown(api, run_id)["scores"]) == {"Contains"}
    assert set(api.get(f"runs/{run_id}/results/").json()["results"][0]["scores"]) == {"Contains"}
    assert len(calls_of(Run.objects.get(pk=run_id))) == 3


def test_a_stopped_run_is_not_marked_again_since_that_would_ask_for_answers(api: Api) -> None:
    run_id = started(api)
    api.post(f"runs/{run_id}/stop/")
    refused = api.post(f"runs/{run_id}/rescore/", {})
    assert (refused.status_code, "Carry it on first" in error_of(refused)["message"]) == (409, True)


# -- answers made elsewhere ------------------------------------------------------------------------


def upload(api: Api, outputs: list[dict[str, Any]], **body: Any) -> Any:
    return api.post(
        "runs/", {"dataset": "cases", "outputs": outputs, "evaluators": ["Exact"], "label": "elsewhere", **body}
    )


@pytest.fixture
def keyed(world: World) -> list[str]:
    """Keys of cases."""
    keys = ["a", "b", "c"]
    cases_put(world.dataset, [CaseRow(key=key, inputs={"text": key}, expected=key) for key in keys])
    return keys


def test_uploaded_outputs_keep_given_scores_and_compute_the_others(api: Api, world: World, keyed: list[str]) -> None:
    evaluator_create(
        project=world.project,
        name="Judge",
        kind="rubric",
        config={"question": "Good?", "scale": "one_to_five"},
    )
    outputs = [
        {"case": "a", "output": "a", "scores": {"Exact": False, "Judge": 4}},
        {"case": "b", "output": "b", "scores": {"Judge": 2}},
        {"case": "c", "output": "other"},
    ]
    answer = upload(api, outputs, evaluators=["Exact", "Judge"])
    assert answer.status_code == 201
    assert answer.json()["quote"] == {"calls": 0, "cost_usd": 0.0, "seconds": 0.0}
    run_id = answer.json()["id"]
    drive()
    state = shown(api, run_id)
    assert (state["state"], state["label"], state["prompt"], state["cost_usd"]) == ("finished", "elsewhere", None, 0.0)
    assert (state["scores"]["Exact"]["estimate"], state["scores"]["Exact"]["n"]) == (pytest.approx(1 / 3), 3)
    assert (state["scores"]["Judge"]["estimate"], state["scores"]["Judge"]["n"]) == (3.0, 2)
    assert state["scores"]["Judge"]["unscored"] == 1
    rows = {row["case"]: row for row in api.get(f"runs/{run_id}/results/").json()["results"]}
    assert [rows[key]["scores"]["Exact"]["value"] for key in keyed] == [False, True, False]
    assert rows["a"]["scores"]["Exact"]["reason"] == "Given with the uploaded answer."
    assert (rows["a"]["output"], rows["a"]["attempts"], rows["a"]["cost_usd"]) == ("a", 0, 0.0)
    assert rows["c"]["scores"]["Judge"]["state"] == "unscored"
    assert "No model is chosen" in rows["c"]["scores"]["Judge"]["reason"]
    assert calls_of(Run.objects.get(pk=run_id)) == []


def test_answers_put_into_categories_are_counted(api: Api, world: World, keyed: list[str]) -> None:
    config = {"question": "Which tone?", "scale": "categories", "categories": ["warm", "cool"]}
    evaluator_create(project=world.project, name="Tone", kind="rubric", config=config)
    tones = {"a": "warm", "b": "cool", "c": "warm"}
    outputs = [{"case": case, "output": "x", "scores": {"Tone": tone}} for case, tone in tones.items()]
    run_id = upload(api, outputs, evaluators=["Tone"]).json()["id"]
    drive()
    score = shown(api, run_id)["scores"]["Tone"]
    assert (score["n"], score["categories"]) == (3, {"warm": 2, "cool": 1})
    assert (score["estimate"], score["low"], score["high"]) == (None, None, None)


def test_wrong_outputs_are_listed_by_row_and_nothing_is_stored(api: Api, world: World, keyed: list[str]) -> None:
    evaluator_create(
        project=world.project, name="Judge", kind="rubric", config={"question": "?", "scale": "one_to_five"}
    )
    outputs = [
        {"case": "a", "output": "x"},
        {"case": "nowhere", "output": "x"},
        {"case": "a", "output": "again"},
        {"case": "b", "output": "x", "scores": {"Exact": "yes"}},
        {"case": "c", "output": "x", "scores": {"Unknown": True, "Judge": 7}},
        {"case": "text 0", "output": "x", "scores": {"Judge": 10**400}},
    ]
    refused = upload(api, outputs, evaluators=["Exact", "Judge"])
    assert refused.status_code == 422
    error = error_of(refused)
    assert error["code"] == "wrong_rows"
    assert [(field["row"], field["field"]) for field in error["fields"]] == [
        (1, "case"),
        (2, "case"),
        (3, "scores.Exact"),
        (4, "scores.Unknown"),
        (4, "scores.Judge"),
        (5, "case"),
    ]
    assert "is a number from 1 to 5" in error["fields"][4]["message"]
    huge = upload(api, [{"case": "a", "output": "x", "scores": {"Judge": 10**400}}], evaluators=["Judge"])
    assert (huge.status_code, fields_of(huge)) == (422, ["scores.Judge"])
    assert Run.objects.count() == 0


def test_outputs_name_their_cases_by_id_too(api: Api, world: World) -> None:
    case_id = str(world.dataset.case_versions.order_by("position")[0].case_id)
    answer = upload(api, [{"case": case_id, "output": "text 0"}])
    assert answer.status_code == 201
    drive()
    [row] = api.get(f"runs/{answer.json()['id']}/results/").json()["results"]
    assert (row["case"], row["scores"]["Exact"]["value"]) == (case_id, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 10**9}, "concurrency"),
        ({"repeats": 2}, "repeats"),
        ({"sample": 1}, "sample"),
        ({"split": "x"}, "split"),
        ({"outputs": []}, "outputs"),
        ({"prompt": "echo"}, "prompt"),
    ],
)
def test_an_upload_that_makes_no_sense_is_refused(api: Api, keyed: list[str], body: dict[str, Any], field: str) -> None:
    refused = upload(api, **{"outputs": [{"case": "a", "output": "x"}], **body})
    assert (refused.status_code, fields_of(refused)) == (422, [field])
    assert Run.objects.count() == 0


def test_the_revision_that_outputs_were_matched_with_is_pinned(api: Api, world: World, keyed: list[str]) -> None:
    run_id = upload(api, [{"case": "a", "output": "x"}]).json()["id"]
    world.dataset.refresh_from_db()
    assert shown(api, run_id)["revision"] == world.dataset.revision == 2


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"dataset": "nowhere"}, "dataset", "There is no dataset called “nowhere”"),
        ({"prompt": "nobody"}, "prompt", "There is no prompt called “nobody”"),
        ({"version": 7}, "version", "no version 7"),
        ({"evaluators": ["Exact", "Nothing"]}, "evaluators", "There is no metric called “Nothing”"),
        ({"model": {"connection": "gone"}}, "model.connection", "There is no connection called “gone”"),
        ({"concurrency": 0}, "concurrency", "from 1 to 500"),
        ({"concurrency": 501}, "concurrency", "from 1 to 500"),
        ({"repeats": 0}, "repeats", "from 1 to 20"),
        ({"repeats": 10**30}, "repeats", "from 1 to 20"),
        ({"sample": 0}, "sample", "at least one case"),
        ({"sample": 10**12}, "sample", "at most"),
        ({"budget_usd": 0}, "budget_usd", "more than zero"),
        ({"budget_usd": -1}, "budget_usd", "more than zero"),
        ({"budget_usd": "much"}, "budget_usd", "number"),
        ({"split": "test"}, "dataset", "with the tag “test”"),
        ({"colour": "red"}, "colour", "There is no field “colour”"),
        ({"prompt": ["echo"]}, "prompt", ""),
    ],
)
def test_bad_input_is_refused_with_a_sentence_and_its_field(
    api: Api, body: dict[str, Any], field: str, says: str
) -> None:
    refused = start(api, **body)
    assert refused.status_code == 422, refused.content
    error = error_of(refused)
    assert field in {row["field"] for row in error["fields"]}
    assert says in error["message"] + " ".join(row["message"] for row in error["fields"])
    assert Run.objects.count() == 0


def test_a_variable_that_no_case_has_is_named_with_the_columns_there_are(api: Api, world: World) -> None:
    world.prompt("echo", text="{{text}} {{customer}} {{Text}}")
    names = [row["name"] for row in api.get("prompts/").json()["results"]]
    [name] = [name for name in names if name != "echo"]
    refused = start(api, prompt=name)
    assert (refused.status_code, fields_of(refused)) == (422, ["dataset"])
    message = error_of(refused)["message"]
    assert "uses {{customer}} and {{Text}}, but no case of “cases” has them. Its columns are: text. " in message
    assert message.endswith("Rename the variables in the prompt or add the columns.")


def test_an_empty_dataset_and_a_removed_one_cannot_be_run(api: Api, world: World) -> None:
    assert api.post("datasets/", {"name": "empty"}).status_code == 201
    empty = start(api, dataset="empty")
    assert (empty.status_code, fields_of(empty)) == (422, ["dataset"])
    assert "has no cases in it yet" in error_of(empty)["message"]
    dataset_archive(world.dataset)
    assert (start(api).status_code, fields_of(start(api))) == (422, ["dataset"])


def test_runs_and_results_are_described_as_they_are_shown(api: Api, world: World) -> None:
    run_id = started(api)
    drive()
    document = Client().get("/api/schema/", headers={"Accept": "application/json"}).json()
    described = {name: set(schema.get("properties", ())) for name, schema in document["components"]["schemas"].items()}
    run = shown(api, run_id)
    result = api.get(f"runs/{run_id}/results/").json()["results"][0]
    assert set(run) == described["RunShown"]
    assert set(run["scores"]["Exact"]) == described["EstimateShown"] - {"categories"}
    assert set(result) == described["ResultShown"]
    assert set(result["scores"]["Exact"]) == described["ScoreShown"]
    cases = document["components"]["schemas"]["CasesBodyRequest"]["properties"]["cases"]
    assert cases["items"] == {"$ref": "#/components/schemas/CaseBodyRequest"}
    assert {"key", "inputs", "expected", "tags", "group", "metadata"} <= described["CaseBodyRequest"]


def test_a_budget_needs_a_price(api: Api, world: World) -> None:
    own = ConnectionSettings(name="own", vendor=Vendor.OPENAI_COMPATIBLE, base_url="http://127.0.0.1:9/v1")
    connection_create(project=world.project, wanted=own)
    refused = start(api, model={"connection": "own", "model": "x"}, budget_usd=1)
    assert (refused.status_code, fields_of(refused)) == (422, ["budget_usd"])
    assert "Nobody knows what “x” costs" in error_of(refused)["message"]
    run_id = started(api, model={"connection": "own", "model": "x"})
    api.post(f"runs/{run_id}/stop/")
    refused = api.post(f"runs/{run_id}/resume/", {"budget_usd": 1})
    assert (refused.status_code, fields_of(refused)) == (422, ["budget_usd"])


def test_the_same_metric_named_twice_marks_once(api: Api) -> None:
    run_id = started(api, evaluators=["Exact", "Exact"])
    assert list(shown(api, run_id)["scores"]) == ["Exact"]


def test_a_sample_is_the_same_each_time(api: Api) -> None:
    chosen = []
    for _ in range(2):
        rows = api.get(f"runs/{started(api, sample=2)}/results/").json()["results"]
        chosen.append([row["inputs"]["text"] for row in rows])
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 2


# -- who may ---------------------------------------------------------------------------------------


def test_other_projects_see_nothing_of_a_run(api: Api, world: World) -> None:
    run_id = started(api)
    stranger = api_of(make_world())
    for path in ("", "results/"):
        answer = stranger.get(f"runs/{run_id}/{path}")
        assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found"), path
    for verb in ("stop", "resume", "rescore"):
        assert stranger.post(f"runs/{run_id}/{verb}/", {}).status_code == 404, verb
    assert stranger.get("runs/").json()["results"] == []
    assert shown(api, run_id)["state"] == "queued"
    assert start(stranger, dataset=world.dataset.name, evaluators=["Exact"]).status_code == 201  # its own, same names


def test_a_key_that_may_only_read_starts_and_stops_nothing(api: Api, world: World) -> None:
    run_id = started(api)
    reader = api_of(world, Scope.READ)
    assert shown(reader, run_id)["state"] == "queued"
    assert start(reader).status_code == 403
    for verb in ("stop", "resume", "rescore"):
        assert reader.post(f"runs/{run_id}/{verb}/", {}).status_code == 403, verb
    assert started(api_of(world, Scope.WRITE))
    assert Api("llmops_x_y").get(f"runs/{run_id}/").status_code == 401
    assert Api("").get("runs/").status_code == 401


@pytest.mark.parametrize("run_id", ["0", "999999999", "9" * 30, "abc", "1.5", "²", "-1"])
def test_a_run_that_is_not_there_is_not_found(api: Api, run_id: str) -> None:
    for path in (f"runs/{run_id}/", f"runs/{run_id}/results/"):
        assert api.get(path).status_code == 404
    assert api.post(f"runs/{run_id}/stop/").status_code == 404


# -- once, however often it is sent ----------------------------------------------------------------


def test_a_repeated_key_replays_the_first_answer_and_another_body_is_refused(api: Api) -> None:
    body = {"dataset": "cases", "prompt": "echo", "evaluators": ["Exact"]}
    first = api.post("runs/", body, idempotency_key="k1")
    again = api.post("runs/", body, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    other = api.post("runs/", {**body, "repeats": 2}, idempotency_key="k1")
    assert (other.status_code, error_of(other)["code"]) == (409, "idempotency_key_reused")
    assert Run.objects.count() == 1


def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    body = {"dataset": "cases", "prompt": "echo"}
    assert api.post("runs/", {**body, "concurrency": 0}, idempotency_key="k2").status_code == 422
    assert api.post("runs/", body, idempotency_key="k2").status_code == 201


# -- why is this waiting? --------------------------------------------------------------------------


def codes(api: Api, run_id: str) -> list[str]:
    return [waiting["code"] for waiting in shown(api, run_id)["waiting_for"]]


def test_a_silent_worker_is_named_with_the_time_it_was_last_heard_of(api: Api) -> None:
    run_id = started(api)
    assert codes(api, run_id) == ["no_worker"]
    heartbeat(WORKER)
    assert codes(api, run_id) == []
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    [waiting] = shown(api, run_id)["waiting_for"]
    assert waiting["code"] == "no_worker"
    assert " UTC" in waiting["message"]
    assert waiting["until"] is None


def test_a_paused_connection_a_used_up_limit_and_retries_are_named(
    api: Api, world: World, redis_client: redis.Redis
) -> None:
    heartbeat(WORKER)
    world.connection.requests_per_minute = 60
    world.connection.save(update_fields=["requests_per_minute"])
    run_id = started(api)
    now = redis_client.time()[0]
    redis_client.hset(f"llmops:limit:{{{world.connection.pk}}}", mapping={"requests": -9.0, "requests_at": now})
    [limited] = shown(api, run_id)["waiting_for"]
    assert limited["code"] == "rate_limit"
    assert "“models” is at its limit of requests a minute" in limited["message"]
    assert 5 < _seconds_until(limited["until"]) < 15
    redis_client.set(f"llmops:pause:{{{world.connection.pk}}}", 1, px=40_000)
    [paused] = shown(api, run_id)["waiting_for"]
    assert paused["code"] == "connection_paused"
    assert 35 < _seconds_until(paused["until"]) < 45
    redis_client.flushdb()
    Result.objects.filter(run=run_id).update(not_before=timezone.now() + timedelta(seconds=20))
    [retry] = shown(api, run_id)["waiting_for"]
    assert (retry["code"], retry["message"][:12]) == ("retry", "3 cases wait")
    assert 15 < _seconds_until(retry["until"]) < 25


def _seconds_until(moment: str) -> float:
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()


def test_a_judges_limits_are_named_too(api: Api, world: World, redis_client: redis.Redis) -> None:
    heartbeat(WORKER)
    judges = connection_create(project=world.project, wanted=ConnectionSettings(name="judges", vendor=Vendor.PRACTICE))
    judge = world.judge(connection=judges)
    run_id = started(api, evaluators=[judge.evaluator.name])
    redis_client.set(f"llmops:pause:{{{judges.pk}}}", 1, px=40_000)
    [paused] = shown(api, run_id)["waiting_for"]
    assert (paused["code"], "“judges”" in paused["message"]) == ("connection_paused", True)


def test_a_silent_redis_is_said_once_and_nothing_else_fails(api: Api, world: World, settings: Any) -> None:
    heartbeat(WORKER)
    judges = connection_create(project=world.project, wanted=ConnectionSettings(name="judges", vendor=Vendor.PRACTICE))
    run_id = started(api, evaluators=[world.judge(connection=judges).evaluator.name])
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert codes(api, run_id) == ["redis_down"]


def test_runs_ahead_are_named_when_all_places_are_taken(api: Api, settings: Any) -> None:
    heartbeat(WORKER)
    settings.MOST_IN_FLIGHT, settings.WORKER_PROCESSES = 1, 2
    ahead, run_id = started(api), started(api)
    Result.objects.filter(run=ahead).update(
        state="running", lease_owner="0" * 32, lease_until=timezone.now() + timedelta(minutes=1)
    )
    assert codes(api, run_id) == ["runs_ahead"]
    assert codes(api, ahead) == []


def test_a_run_that_is_stopping_waits_for_its_calls_and_an_ended_one_for_nothing(api: Api) -> None:
    heartbeat(WORKER)
    run_id = started(api)
    Result.objects.filter(run=run_id).update(
        state="running", lease_owner="0" * 32, lease_until=timezone.now() + timedelta(minutes=1)
    )
    assert api.post(f"runs/{run_id}/stop/").json()["state"] == "stopping"
    assert codes(api, run_id) == ["calls_in_flight"]
    Run.objects.filter(pk=run_id).update(state="stopped")
    Heartbeat.objects.all().delete()
    assert codes(api, run_id) == []
    assert run_waiting(Run.objects.get(pk=run_id)) == []


def test_money_is_never_a_rounded_sum(api: Api, world: World) -> None:
    """A tenth of a cent in thirds adds up to what the ledger says."""
    set_price("echo", "0.333333")
    run_id = started(api)
    drive()
    run = Run.objects.get(pk=run_id)
    assert run.spent_usd == sum((call.cost_usd or Decimal(0)) for call in calls_of(run)) > 0
    assert shown(api, run_id)["cost_usd"] == float(run.spent_usd)
