"""Datasets and cases over REST, as the contract says."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from llmops.core.choices import Scope
from tests.core.factories import Api, error_of, make_room

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_room().api()


def make(api: Api, name: str = "cards", **body: Any) -> Any:
    answer = api.post("datasets/", {"name": name, **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def put(api: Api, *cases: dict[str, Any], name: str = "cards", **body: Any) -> Any:
    return api.post(f"datasets/{name}/cases/", {"cases": list(cases), **body})


def case(question: str, **fields: Any) -> dict[str, Any]:
    return {"inputs": {"question": question}, **fields}


def test_a_dataset_is_made_listed_read_and_archived(api: Api) -> None:
    made = make(api, description="what customers ask")
    assert made["name"] == "cards"
    assert made["revision"] == made["n_cases"] == 0
    assert [row["name"] for row in api.get("datasets/").json()["results"]] == ["cards"]
    assert api.get("datasets/cards/").json()["description"] == "what customers ask"
    assert api.delete("datasets/cards/").status_code == 204
    assert api.get("datasets/").json()["results"] == []
    assert api.get("datasets/cards/").status_code == 404
    assert put(api, case("a")).status_code == 404


def test_a_name_that_is_taken_or_impossible_is_refused(api: Api) -> None:
    make(api)
    taken = api.post("datasets/", {"name": "cards"})
    assert (taken.status_code, error_of(taken)["code"]) == (409, "name_taken")
    for name in ("a/b", "", " cards", "c\u0000"):
        assert api.post("datasets/", {"name": name}).status_code == 422, name
    assert error_of(api.post("datasets/", {"name": "x", "colour": "red"}))["fields"][0]["field"] == "colour"


def test_cases_are_added_updated_and_left_alone(api: Api) -> None:
    make(api)
    first = put(api, case("a", expected="A", tags=["x"], group="g", metadata={"n": {"deep": [1]}}), case("b", key="k"))
    assert first.status_code == 200
    assert first.json() == {"revision": 1, "added": 2, "updated": 0, "unchanged": 0}
    second = put(api, case("a", expected="A2"), case("b", key="k"), case("c"))
    assert second.json() == {"revision": 2, "added": 1, "updated": 1, "unchanged": 1}
    third = put(api, case("b", key="k"))
    assert third.json() == {"revision": 2, "added": 0, "updated": 0, "unchanged": 1}
    shown = api.get("datasets/cards/cases/").json()["results"]
    assert [(row["key"], row["inputs"]["question"], row["expected"]) for row in shown] == [
        (None, "a", "A2"),
        ("k", "b", None),
        (None, "c", None),
    ]
    assert all(isinstance(row["id"], str) for row in shown)
    before = api.get("datasets/cards/cases/?revision=1").json()["results"][0]
    assert (before["expected"], before["tags"], before["group"]) == ("A", ["x"], "g")
    assert before["metadata"] == {"n": {"deep": [1]}}
    assert api.get("datasets/cards/").json()["n_cases"] == 3


def test_values_that_are_no_text_are_kept_as_their_json(api: Api) -> None:
    make(api)
    put(api, {"inputs": {"n": 3, "yes": True, "list": [1, "é"], "nothing": None}, "expected": 4.5})
    (shown,) = api.get("datasets/cards/cases/").json()["results"]
    assert shown["inputs"] == {"n": "3", "yes": "true", "list": '[1, "é"]', "nothing": ""}
    assert shown["expected"] == "4.5"


WRONG = [case("fine"), {"inputs": {}}, case("x", colour="red"), case("fine"), case("k", key="k" * 201)]


def test_a_wrong_row_refuses_all_and_rows_count_from_zero(api: Api) -> None:
    make(api)
    refused = put(api, *WRONG)
    assert refused.status_code == 422
    error = error_of(refused)
    assert error["code"] == "wrong_rows"
    assert error["message"].startswith("4 rows are wrong, so nothing was stored.")
    assert [(found["row"], found["field"]) for found in error["fields"]] == [
        (1, "inputs"), (2, "colour"), (3, "inputs"), (4, "key"),
    ]  # fmt: skip
    assert all(set(found) == {"row", "field", "message"} and found["message"] for found in error["fields"])
    assert "row 0" in error["fields"][2]["message"]
    assert api.get("datasets/cards/").json()["revision"] == 0


def test_partial_stores_the_right_rows_and_lists_the_wrong_ones(api: Api) -> None:
    make(api)
    stored = put(api, *WRONG, partial=True)
    assert stored.status_code == 200
    body = stored.json()
    assert {name: body[name] for name in ("revision", "added", "updated", "unchanged")} == {
        "revision": 1, "added": 1, "updated": 0, "unchanged": 0,
    }  # fmt: skip
    assert [found["row"] for found in body["errors"]] == [1, 2, 3, 4]
    assert put(api, case("fine"), partial=True).json()["errors"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"cases": []}, {"cases": "x"}, {"cases": ["x"]}, {"cases": [case("a")], "colour": 1}, [], "x"],
)
def test_bodies_of_another_form_are_refused(api: Api, body: Any) -> None:
    make(api)
    answer = api.post("datasets/cards/cases/", body)
    assert answer.status_code in (400, 422)
    error_of(answer)


def test_an_idempotency_key_does_it_once(api: Api) -> None:
    make(api)
    body = {"cases": [case("a")]}
    first = api.post("datasets/cards/cases/", body, idempotency_key="one")
    put(api, case("a", expected="changed meanwhile"))
    again = api.post("datasets/cards/cases/", body, idempotency_key="one")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert api.get("datasets/cards/").json()["revision"] == 2
    other = api.post("datasets/cards/cases/", {"cases": [case("b")]}, idempotency_key="one")
    assert (other.status_code, error_of(other)["code"]) == (409, "idempotency_key_reused")
    made = [api.post("datasets/", {"name": "once"}, idempotency_key="two") for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]


def test_lists_are_paged_without_gaps_or_repeats(api: Api) -> None:
    make(api)
    put(api, *[case(f"q{n}") for n in range(7)])
    put(api, case("q2", expected="later, in its old place"))
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"datasets/cards/cases/?limit=3{f'&cursor={cursor}' if cursor else ''}").json()
        assert len(page["results"]) <= 3
        seen += [row["inputs"]["question"] for row in page["results"]]
        cursor = page["next"]
    assert seen == [f"q{n}" for n in range(7)]
    assert api.get("datasets/cards/cases/?limit=0").status_code == 400
    assert api.get("datasets/cards/cases/?revision=9").status_code == 400
    assert api.get("datasets/cards/cases/?revision=-1").status_code == 400


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("get", "datasets/cards/"),
        ("delete", "datasets/cards/"),
        ("get", "datasets/cards/cases/"),
        ("post", "datasets/cards/cases/"),
        ("post", "datasets/cards/import/"),
        ("get", "datasets/cards/export/"),
    ],
)
def test_another_project_sees_nothing(api: Api, verb: str, path: str) -> None:
    make(api)
    put(api, case("secret"))
    stranger = make_room().api()
    answer = getattr(stranger, verb)(path, {"cases": [case("x")]}) if verb == "post" else getattr(stranger, verb)(path)
    assert answer.status_code in (404, 415)
    assert b"secret" not in answer.content
    assert stranger.get("datasets/").json()["results"] == []
    assert api.get("datasets/cards/").json()["n_cases"] == 1


def test_a_reading_key_reads_and_writes_nothing() -> None:
    room = make_room()
    make(room.api(Scope.WRITE))
    put(room.api(Scope.WRITE), case("a"))
    reader = room.api(Scope.READ)
    assert reader.get("datasets/cards/cases/").status_code == 200
    assert b"".join(reader.get("datasets/cards/export/").streaming_content)
    for answer in (
        reader.post("datasets/", {"name": "x"}),
        put(reader, case("a")),
        reader.post("datasets/cards/import/"),
        reader.delete("datasets/cards/"),
    ):
        assert answer.status_code == 403


def test_lists_take_the_same_queries_however_long_they_are(api: Api) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get(path).status_code == 200
        return len(captured)

    make(api)
    put(api, case("one"))
    few = queries("datasets/"), queries("datasets/cards/cases/")
    for number in range(10):
        make(api, f"more {number}")
    put(api, *[case(f"q{n}", key=str(n)) for n in range(50)])
    assert (queries("datasets/"), queries("datasets/cards/cases/")) == few


def test_a_body_of_more_than_100_mb_is_refused_before_it_is_read(api: Api) -> None:
    make(api)
    answer = api.post("datasets/cards/cases/", {"cases": [case("a")]}, content_length=str(200 * 1024 * 1024))
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "too_large"
