"""What is exported over HTTP and imported into an empty dataset is the same, whatever the texts are."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from evals_app.models import Dataset
from evals_app.services.datasets import dataset_create
from tests.core.factories import Room, make_room
from tests.evals_app.files import upload

NASTY = [
    "", " ", "\n", "a\nb", "a\r\nb", "\ta", "=1+1", "+1", "-1", "@a", "'=1", "＝1", '"', '""', "a,b;c|d\te", "\ufeffa",
    "007", "1e5", "TRUE", "null", "None", "[]", "{}", "[\"a\"]", "input:x",
    "_x000D_", "\x0b", "\x1f", "a\x1fb", "\u2028", "🙂", "é", "e\u0301",
    " a ", "\\N", "\\", "NULL", "#N/A", "2024-01-01", "a" * 33, "\x85", "x" * 32_768,
]  # fmt: skip
texts = st.sampled_from(NASTY[:-1]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12
)
names = st.sampled_from(
    [
        "question",
        "expected",
        "key",
        "tags",
        "Answer",
        "input:x",
        "input",
        " a",
        "=a",
        "a,b",
        'q"',
        "metadata",
        "ü",
        "id",
        "a\nb",
    ]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=6).filter(
    str.strip
)
answers = st.none() | texts
facts = st.dictionaries(texts, st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts, max_size=2)
labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8).filter(
    str.strip
)
cases = st.fixed_dictionaries(
    {
        "inputs": st.dictionaries(names, texts, min_size=1, max_size=3).filter(
            lambda inputs: any(text.strip() for text in inputs.values())
        )
    },
    optional={
        "key": labels,
        "expected": answers,
        "reference": answers,
        "previous": answers,
        "feedback": answers,
        "tags": st.lists(labels | st.sampled_from(["a, b", "[x", "c;d"]), max_size=3, unique=True),
        "group": labels,
        "metadata": facts,
    },
)


class TestRoundTrip(TestCase):
    """One room for all examples; each example is rolled back."""

    room: Room

    @classmethod
    def setUpTestData(cls) -> None:
        cls.room = make_room()

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @example([{"inputs": {"question": "0\x1f0"}}], "csv")
    @given(st.lists(cases, min_size=1, max_size=4), st.sampled_from(["csv", "jsonl", "xlsx"]))
    def test_export_and_import_lose_nothing(self, rows: list[dict[str, Any]], file_format: str) -> None:
        api = self.room.api()
        dataset_create(project=self.room.project, name="first")
        stored = api.post("datasets/first/cases/", {"cases": rows, "partial": True})
        assert stored.status_code == 200, stored.content
        if not stored.json()["added"]:
            return
        file = _export(self.room, "first", file_format)
        dataset_create(project=self.room.project, name="second")
        answer = _import(self.room, "second", file, f"cases.{file_format}")
        assert answer.status_code == 200, answer.content
        assert _cases(self.room, "second") == _cases(self.room, "first")
        again = _import(self.room, "first", file, f"cases.{file_format}")
        assert again.json() == {
            "revision": 1,
            "added": 0,
            "updated": 0,
            "unchanged": stored.json()["added"],
        }


@pytest.mark.django_db
def test_an_older_revision_is_exported_as_it_was() -> None:
    room = make_room()
    api = room.api()
    dataset_create(project=room.project, name="first")
    api.post("datasets/first/cases/", {"cases": [{"key": "1", "inputs": {"a": "1"}, "expected": "old"}]})
    api.post("datasets/first/cases/", {"cases": [{"key": "1", "inputs": {"b": "2"}}]})
    assert _export(room, "first", "csv", revision=1).decode("utf-8-sig") == "key,a,expected\r\n1,1,old\r\n"
    assert _export(room, "first", "csv").decode("utf-8-sig") == "key,b\r\n1,2\r\n"


@pytest.mark.django_db
def test_a_text_that_no_workbook_can_hold_is_said_before_the_download() -> None:
    room = make_room()
    dataset_create(project=room.project, name="first")
    room.api().post("datasets/first/cases/", {"cases": [{"inputs": {"a": NASTY[-1]}}]})
    answer = room.api().get("datasets/first/export/?format=xlsx")
    assert answer.status_code == 422
    assert "CSV or JSON Lines" in answer.json()["error"]["message"]
    page = room.client.get(f"{room.address}datasets/first/export/?format=xlsx", follow=True)
    assert "CSV or JSON Lines" in page.content.decode()
    assert NASTY[-1] in _export(room, "first", "csv").decode()


@pytest.mark.django_db
def test_many_cases_are_exported_with_all_columns() -> None:
    room = make_room()
    dataset = dataset_create(project=room.project, name="first")
    rows = [{"inputs": {"a": f"{at}"}, "expected": "x"} for at in range(5_001)]
    room.api().post("datasets/first/cases/", {"cases": rows})
    file = _export(room, "first", "csv")
    assert file.count(b"\r\n") == 5_002
    assert _import(room, "first", file, "cases.csv").json()["unchanged"] == 5_001
    assert Dataset.objects.get(pk=dataset.pk).columns == ["a"]


def _export(room: Room, name: str, file_format: str, *, revision: int | None = None) -> bytes:
    query = f"format={file_format}" + (f"&revision={revision}" if revision else "")
    answer = room.api().get(f"datasets/{name}/export/?{query}")
    assert answer.status_code == 200, answer.content
    assert f'filename="{name}' in answer["Content-Disposition"]
    return b"".join(answer.streaming_content)


def _import(room: Room, name: str, content: bytes, filename: str) -> Any:
    headers = {"Authorization": f"Bearer {room.api().key}"}
    return Client().post(f"/api/v1/datasets/{name}/import/", {"file": upload(content, filename)}, headers=headers)


def _cases(room: Room, name: str) -> list[dict[str, Any]]:
    rows = room.api().get(f"datasets/{name}/cases/?limit=500").json()["results"]
    return [{field: value for field, value in row.items() if field != "id"} for row in rows]
