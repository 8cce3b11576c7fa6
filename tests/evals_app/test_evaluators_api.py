"""Evaluators over REST, as the contract says."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from llmops.core.choices import Scope
from tests.core.factories import Api, Room, error_of, fields_of, make_room

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(room: Room) -> Api:
    return room.api()


def make(api: Api, name: str, kind: str = "exact", **config: Any) -> Any:
    return api.post("evaluators/", {"name": name, "kind": kind, "config": config})


def test_kinds_come_with_the_schema_of_their_config(api: Api) -> None:
    kinds = {kind["kind"]: kind for kind in api.get("evaluators/kinds/").json()["results"]}
    assert {"exact", "contains", "regex", "numeric", "json_schema", "rubric"} <= set(kinds)
    for kind in kinds.values():
        assert kind["title"]
        assert kind["summary"].endswith(".")
        assert kind["config_schema"]["type"] == "object"
    assert kinds["exact"]["needs"] == ["expected"]
    assert kinds["rubric"]["uses_model"] is True


def test_an_evaluator_is_made_listed_read_changed_and_archived(api: Api) -> None:
    made = make(api, "Correct")
    assert made.status_code == 201
    assert made.json() == {
        "name": "Correct", "kind": "exact", "version": 1, "config": {}, "value_type": "yes_no",
        "direction": "higher", "margin": 2.0,
    }  # fmt: skip
    changed = api.put("evaluators/Correct/", {"config": {"ignore_case": False}, "margin": 5})
    assert (changed.status_code, changed.json()["version"], changed.json()["margin"]) == (200, 2, 5.0)
    same = api.put("evaluators/Correct/", {"config": {"ignore_case": False}, "margin": 5})
    assert same.json()["version"] == 2
    other_kind = api.put("evaluators/Correct/", {"kind": "contains", "config": {}})
    assert other_kind.status_code == 422
    assert [found["name"] for found in api.get("evaluators/").json()["results"]] == ["Correct"]
    assert api.delete("evaluators/Correct/").status_code == 204
    assert api.get("evaluators/").json()["results"] == []
    assert api.get("evaluators/Correct/").status_code == 404
    assert make(api, "Correct").status_code == 409


def test_a_judge_names_its_connection_and_model(room: Room, api: Api) -> None:
    room.practice(name="judges")
    made = make(api, "Polite", "rubric", question="Polite?", scale="yes_no", connection="judges", model="echo")
    assert made.status_code == 201
    assert made.json()["config"] == {"question": "Polite?", "scale": "yes_no", "connection": "judges", "model": "echo"}
    assert api.get("evaluators/Polite/").json()["config"]["connection"] == "judges"
    nobody = make(api, "Unjudged", "rubric", question="Polite?")
    assert (nobody.status_code, nobody.json()["config"]) == (201, {"question": "Polite?"})
    assert fields_of(make(api, "x", "rubric", question="?", connection="nowhere", model="m")) == ["config.connection"]
    assert fields_of(make(api, "x", "rubric", question="?", connection="judges")) == ["config.model"]
    assert fields_of(make(api, "x", "rubric", question="?", connection=["judges"])) == ["config.connection"]
    assert fields_of(make(api, "x", "rubric", question="?", connection="judges", model="m" * 201)) == ["config.model"]


def test_what_is_wrong_is_said_at_its_field(api: Api) -> None:
    assert fields_of(make(api, "x", "exact", connection="judges")) == ["config.connection"]
    assert fields_of(make(api, "x", "regex", pattern="(")) == ["config.pattern"]
    assert fields_of(make(api, "x", "colour")) == ["kind"]
    assert fields_of(make(api, "a/b")) == ["name"]
    assert fields_of(api.post("evaluators/", {"name": "x"})) == ["kind"]
    assert fields_of(api.post("evaluators/", {"name": "x", "kind": "exact", "config": [], "margin": "x"})) == [
        "config",
        "margin",
    ]
    assert api.put("evaluators/nowhere/", {"config": {}}).status_code == 404
    make(api, "Correct")
    taken = make(api, "Correct", "contains")
    assert (taken.status_code, error_of(taken)["code"]) == (409, "name_taken")
    assert api.put("evaluators/Correct/", []).status_code in (400, 422)


def test_an_idempotency_key_makes_it_once(api: Api) -> None:
    body = {"name": "Correct", "kind": "exact"}
    answers = [api.post("evaluators/", body, idempotency_key="one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_another_project_sees_nothing(api: Api) -> None:
    make(api, "Correct")
    stranger = make_room().api()
    assert stranger.get("evaluators/").json()["results"] == []
    assert stranger.get("evaluators/Correct/").status_code == 404
    assert stranger.put("evaluators/Correct/", {"config": {}}).status_code == 404
    assert stranger.delete("evaluators/Correct/").status_code == 404
    assert api.get("evaluators/Correct/").json()["version"] == 1


def test_a_reading_key_reads_and_writes_nothing(room: Room, api: Api) -> None:
    make(api, "Correct")
    reader = room.api(Scope.READ)
    assert reader.get("evaluators/Correct/").status_code == 200
    assert make(reader, "x").status_code == 403
    assert reader.put("evaluators/Correct/", {"config": {}}).status_code == 403
    assert reader.delete("evaluators/Correct/").status_code == 403


def test_the_list_is_paged_and_takes_the_same_queries_however_long_it_is(api: Api) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get("evaluators/").status_code == 200
        return len(captured)

    make(api, "m 0")
    few = queries()
    for number in range(1, 12):
        make(api, f"m {number}")
        api.put(f"evaluators/m {number}/", {"config": {"ignore_case": False}})
    assert queries() == few
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"evaluators/?limit=5{f'&cursor={cursor}' if cursor else ''}").json()
        seen += [(found["name"], found["version"]) for found in page["results"]]
        cursor = page["next"]
    assert seen == [("m 0", 1), *[(f"m {number}", 2) for number in range(1, 12)]]
