"""R33: nothing in an exported table may run as a formula, and what was changed for that is restored on import."""

from __future__ import annotations

import csv
import io
import itertools
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from evals_app.engine.case_files import CaseRow
from evals_app.models import Dataset
from evals_app.selectors.datasets import cases_at
from evals_app.services.datasets import cases_put, dataset_create
from tests.core.factories import Room, make_room
from tests.evals_app.files import upload

pytestmark = pytest.mark.django_db
SIGNS = ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫", "−"]
BEFORE = ["", "'", '"', "''", "“", "‘", "＂", "«", " ", "\u00a0", "\u200b", "\ufeff", "\n", "'\" ", "\x0b"]
COMMANDS = [
    "cmd|'/C calc'!A0", "HYPERLINK(\"http://evil.example\",\"click\")", "1+1", "SUM(A1:A9)", "IMPORTXML(A1)", "",
]  # fmt: skip
ATTACKS = [before + sign + command for before, sign, command in itertools.product(BEFORE, SIGNS, COMMANDS)]


@pytest.fixture(scope="module")
def attacks() -> list[str]:
    assert len(set(ATTACKS)) > 1_000
    return [text for text in dict.fromkeys(ATTACKS) if text.strip()]


def make(room: Room, attacks: list[str]) -> Dataset:
    """The attacks in every field that a table can hold, the names of variables included."""
    dataset = dataset_create(project=room.project, name="attacks")
    fields: list[dict[str, Any]] = [
        {"inputs": {"q": text, "=1+1": text}, "expected": text, "reference": text, "previous": text, "feedback": text}
        for text in attacks
    ]
    short = [text for text in attacks if len(text) <= 60 and text.strip()]
    labels: list[dict[str, Any]] = [
        {"inputs": {"q": f"label {at}"}, "key": text, "tags": [text], "group": text, "metadata": {text: text}}
        for at, text in enumerate(dict.fromkeys(short))
    ]
    cases_put(dataset, [CaseRow(**row) for row in [*fields, *labels]])
    dataset.refresh_from_db()
    return dataset


def is_dangerous(cell: str) -> bool:
    """Whether a spreadsheet program could take the cell for a formula, seen without the code under test."""
    bare = cell.lstrip("".join(chr(code) for code in range(33) if chr(code) not in "\t\r") + "\u00a0\u200b\ufeff\u3000")
    return bare[:1] in {"=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫", "−"}


@pytest.mark.parametrize("by", ["page", "api"])
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_r33_no_cell_of_an_export_is_a_formula_and_an_import_restores_them(
    attacks: list[str], file_format: str, by: str
) -> None:
    room = make_room()
    dataset = make(room, attacks)
    path = f"datasets/attacks/export/?format={file_format}"
    answer = room.client.get(room.address + path) if by == "page" else room.api().get(path)
    content = b"".join(answer.streaming_content)
    cells = _cells(content, file_format)
    assert len(cells) > 5_000
    assert [cell for cell in cells if is_dangerous(cell)] == []

    headers = {"Authorization": f"Bearer {room.api().key}"}
    dataset_create(project=room.project, name="again")
    for name, expected in (("attacks", "unchanged"), ("again", "added")):
        file = upload(content, f"attacks.{file_format}")
        stored = Client().post(f"/api/v1/datasets/{name}/import/", {"file": file}, headers=headers)
        assert stored.status_code == 200, stored.content
        assert stored.json()[expected] == cases_at(dataset, revision=1).count(), stored.json()


def _cells(content: bytes, file_format: str) -> list[str]:
    if file_format == "csv":
        return [cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) for cell in row]
    cells = [cell for row in load_workbook(io.BytesIO(content)).worksheets[0].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}, "formulas or numbers"
    return [str(cell.value) for cell in cells if cell.value is not None]
