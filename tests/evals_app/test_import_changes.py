"""A spreadsheet round trip: download, edit, upload, see what changes, store it, take it back."""

from __future__ import annotations

import csv
import io
import re
import time
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.datasets import cases_at
from evals_app.services import kept_files
from evals_app.services.datasets import case_edit, cases_put, cases_remove, dataset_create
from llmops.core.choices import Role
from tests.core.factories import Room, make_room
from tests.evals_app.files import upload

pytestmark = pytest.mark.django_db
TEXTS = ["007", "a\nb", "a\r\nb", "=1+1", "@x", " outer ", "ü 🙂 中文", "TRUE", "1e5", '"quoted"', "'", "2024-01-01"]


@pytest.fixture
def dataset(room: Room) -> Dataset:
    """Twelve cases without keys, whose texts a spreadsheet could spoil; then one with a key."""
    dataset = dataset_create(project=room.project, name="cards")
    rows = [
        CaseRow(inputs={"q": text, "blank": ""}, expected=text if at % 2 else None) for at, text in enumerate(TEXTS)
    ]
    rows.append(CaseRow(key="K", inputs={"q": "keyed"}, expected="", tags=["a", "b"], metadata={"source": "chat"}))
    cases_put(dataset, rows)
    dataset.refresh_from_db()
    return dataset


def download(room: Room, file_format: str = "csv", *, revision: int | None = None) -> bytes:
    query = f"format={file_format}" + (f"&revision={revision}" if revision else "")
    answer = room.client.get(f"{room.address}datasets/cards/export/?{query}")
    return b"".join(answer.streaming_content)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def written(rows: list[dict[str, str]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def compare(room: Room, content: bytes, name: str = "cases.csv", client: Client | None = None) -> Any:
    """Upload the file and go on to what it changes; the answer of the step that was reached."""
    browser = client or room.client
    address = f"{room.address}datasets/cards/import/"
    chosen = browser.post(address, {"file": upload(content, name)})
    assert chosen.status_code == 302, chosen.content
    text = browser.get(chosen["Location"]).content.decode()
    fields = re.findall(r'<(?:input|select)[^>]*name="((?:column|meaning|name)_\d+)"[^>]*?(?:value="([^"]*)")?>', text)
    form = {name: unescape(value) for name, value in fields}
    for at, chosen_meaning in re.findall(r'name="meaning_(\d+)".*?<option value="(\w+)" selected>', text, re.DOTALL):
        form[f"meaning_{at}"] = chosen_meaning
    form["upload"] = unescape(re.findall(r'name="upload" value="([^"]+)"', text)[0])
    compared = browser.post(address, form)
    return browser.get(compared["Location"]) if compared.status_code == 302 else compared


def apply(room: Room, shown: Any, **choice: str) -> Any:
    address = f"{room.address}datasets/cards/import/changes/"
    return room.client.post(address, {"upload": shown.context["upload"], **choice}, follow=True)


def current(dataset: Dataset) -> list[CaseVersion]:
    dataset.refresh_from_db()
    return list(cases_at(dataset, revision=dataset.revision))


def counts(shown: Any) -> tuple[int, int, int, int]:
    """Added, changed, unchanged, missing."""
    found = shown.context["counts"]
    return (found.added, found.updated, found.unchanged, found.missing)


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "jsonl"])
def test_what_was_not_edited_does_not_change(room: Room, dataset: Dataset, file_format: str) -> None:
    shown = compare(room, download(room, file_format), f"cases.{file_format}")
    assert counts(shown) == (0, 0, 13, 0)
    assert "Nothing would change" in shown.content.decode()


def test_an_edited_case_is_found_again_whatever_was_edited(room: Room, dataset: Dataset) -> None:
    before = {version.position: version.case_id for version in current(dataset)}
    rows = table(download(room))
    assert list(rows[0])[:2] == ["case (revision 1)", "key"]
    rows[0]["q"] = "007 and more"
    rows[3]["key"] = "NEW"
    rows[12]["expected"] = "not empty any more"
    rows.append({**dict.fromkeys(rows[0], ""), "q": "a new one"})
    shown = compare(room, written(rows))
    assert counts(shown) == (1, 3, 10, 0)
    text = unescape(shown.content.decode())
    assert "007[added:  and more]" in re.sub("<[^>]+>", "", text)
    assert "was empty" in text
    assert current(dataset)[0].inputs["q"] == "007"
    done = apply(room, shown)
    assert "1 added, 3 changed" in re.sub(r"\s+", " ", done.content.decode())
    after = current(dataset)
    assert {version.position: version.case_id for version in after[:13]} == before
    assert (after[0].inputs["q"], after[3].case.key, after[12].expected) == (
        "007 and more",
        "NEW",
        "not empty any more",
    )
    undone = room.client.post(f"{room.address}datasets/cards/history/2/undo/", follow=True)
    assert undone.status_code == 200
    assert [version.inputs["q"] for version in current(dataset)] == [*TEXTS, "keyed"]


@pytest.mark.parametrize(
    ("added", "changed", "sentence"),
    [
        (1, 1, "The file adds 1 case and changes 1; 12 stay as they are."),
        (2, 1, "The file adds 2 cases and changes 1; 12 stay as they are."),
        (1, 0, "The file adds 1 case; 13 stay as they are."),
        (0, 1, "The file changes 1 case; 12 stay as they are."),
        (0, 12, "The file changes 12 cases; 1 stays as it is."),
    ],
)
def test_one_case_and_many_are_told_apart(
    room: Room, dataset: Dataset, added: int, changed: int, sentence: str
) -> None:
    rows = table(download(room))
    for row in rows[:changed]:
        row["expected"] = "another"
    rows += [{**dict.fromkeys(rows[0], ""), "q": f"new {at}"} for at in range(added)]
    text = compare(room, written(rows)).content.decode()
    shown = text.split('<p class="verdict-sentence">')[1].split("</p>")[0]
    assert re.sub("<[^>]+>", "", shown) == sentence


def test_a_workbook_edited_in_a_spreadsheet_program(room: Room, dataset: Dataset) -> None:
    book = load_workbook(io.BytesIO(download(room, "xlsx")))
    sheet = book.active
    assert sheet is not None
    column = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, column["q"]).value = 42
    sheet.cell(3, column["case (revision 1)"]).value = int(str(sheet.cell(3, column["case (revision 1)"]).value))
    stream = io.BytesIO()
    book.save(stream)
    shown = compare(room, stream.getvalue(), "cases.xlsx")
    assert counts(shown) == (0, 1, 12, 0)
    apply(room, shown)
    assert current(dataset)[0].inputs["q"] == "42"


def test_what_others_changed_meanwhile_stays_unless_it_was_edited_too(room: Room, dataset: Dataset) -> None:
    rows = table(download(room))
    cases = current(dataset)
    case_edit(cases[0], CaseRow(inputs={"q": "theirs 0", "blank": ""}))
    case_edit(cases[1], CaseRow(inputs={"q": "theirs 1", "blank": ""}))
    cases_remove(dataset, case_ids=[cases[2].case_id])
    rows[1]["q"] = "mine 1"
    shown = compare(room, written(rows))
    assert counts(shown) == (0, 1, 12, 0)
    assert shown.context["counts"].moved == 1
    text = re.sub(r"\s+", " ", shown.content.decode())
    assert "The file was made of revision 1, and the dataset is at revision 4 now." in text
    assert "Somebody else changed this case after the file was made" in text
    apply(room, shown)
    assert [version.inputs["q"] for version in current(dataset)][:3] == ["theirs 0", "mine 1", "=1+1"]


def test_a_change_between_looking_and_storing_is_shown_first(room: Room, dataset: Dataset) -> None:
    rows = table(download(room))
    rows[0]["q"] = "mine"
    shown = compare(room, written(rows))
    case_edit(current(dataset)[0], CaseRow(inputs={"q": "theirs", "blank": ""}))
    again = apply(room, shown)
    text = unescape(re.sub(r"\s+", " ", again.content.decode()))
    assert "it is at revision 2 now. Nothing was stored yet." in text
    assert "[taken out: theirs][added: mine]" in re.sub("<[^>]+>", "", text)
    assert current(dataset)[0].inputs["q"] == "theirs"
    apply(room, again)
    assert current(dataset)[0].inputs["q"] == "mine"
    assert dataset.revision == 3


def test_the_file_as_the_whole_dataset_takes_the_rest_out(room: Room, dataset: Dataset) -> None:
    rows = table(download(room))
    cases_put(dataset, [CaseRow(inputs={"q": "came after the download", "blank": ""})])
    shown = compare(room, written(rows[2:]))
    assert counts(shown) == (0, 0, 11, 2)
    assert "2 cases of the dataset are not in the file" in shown.content.decode()
    missing = room.client.get(f"{shown.request['PATH_INFO']}?{shown.request['QUERY_STRING']}&kind=removed")
    assert [row.title for row in missing.context["rows"]] == ["007", "a b"]
    done = apply(room, shown, missing="take_out")
    assert "2 taken out" in re.sub(r"\s+", " ", done.content.decode())
    assert [version.inputs["q"] for version in current(dataset)] == [*TEXTS[2:], "keyed", "came after the download"]


def test_without_the_choice_nothing_is_taken_out(room: Room, dataset: Dataset) -> None:
    rows = table(download(room))
    rows[0]["q"] = "changed"
    apply(room, compare(room, written(rows[:3])), missing="keep")
    assert len(current(dataset)) == 13


def test_two_rows_swap_their_inputs(room: Room, dataset: Dataset) -> None:
    ids = [version.case_id for version in current(dataset)]
    rows = table(download(room))
    rows[6]["q"], rows[7]["q"] = rows[7]["q"], rows[6]["q"]
    shown = compare(room, written(rows))
    assert counts(shown) == (0, 2, 11, 0)
    apply(room, shown)
    after = current(dataset)
    assert [version.case_id for version in after] == ids
    assert [version.inputs["q"] for version in after[6:8]] == [TEXTS[7], TEXTS[6]]


def test_a_new_row_takes_the_inputs_that_another_row_gives_up(room: Room, dataset: Dataset) -> None:
    rows = table(download(room))
    rows[6]["q"] = "something else"
    rows.append({**dict.fromkeys(rows[0], ""), "q": TEXTS[6]})
    shown = compare(room, written(rows))
    assert counts(shown) == (1, 1, 12, 0)
    apply(room, shown)
    after = current(dataset)
    assert after[6].inputs["q"] == "something else"
    assert after[-1].inputs["q"] == TEXTS[6]
    assert after[-1].case_id not in {version.case_id for version in after[:-1]}


def test_inputs_of_a_case_that_is_not_in_the_file_are_refused_before_anything_is_stored(
    room: Room, dataset: Dataset
) -> None:
    rows = table(download(room))
    rows[6]["q"] = TEXTS[7]
    refused = compare(room, written([row for at, row in enumerate(rows) if at != 7]))
    assert refused.status_code == 422
    assert "Another case has the same inputs already" in refused.content.decode()


@pytest.mark.parametrize(
    ("cell", "says"), [("first", "is already in line"), ("abc", "not the number of a case"), ("-1", "not the number")]
)
def test_wrong_numbers_of_cases_say_what_to_do(room: Room, dataset: Dataset, cell: str, says: str) -> None:
    rows = table(download(room))
    name = next(iter(rows[0]))
    rows[6][name] = rows[5][name] if cell == "first" else cell
    refused = compare(room, written(rows))
    assert refused.status_code == 422
    assert says in refused.content.decode()


def test_a_file_of_another_dataset_is_matched_by_what_it_says(room: Room, dataset: Dataset) -> None:
    file = download(room)
    other = dataset_create(project=room.project, name="other")
    cases_put(other, [CaseRow(key="K", inputs={"q": "another"})])
    Dataset.objects.filter(pk=dataset.pk).update(name="first")
    Dataset.objects.filter(pk=other.pk).update(name="cards")
    shown = compare(room, file)
    assert counts(shown) == (12, 1, 0, 0)
    apply(room, shown)
    assert len(current(other)) == 13
    assert len(current(dataset)) == 13


def test_a_download_of_an_older_revision_brings_it_back(room: Room, dataset: Dataset) -> None:
    case_edit(current(dataset)[0], CaseRow(inputs={"q": "newer", "blank": ""}))
    shown = compare(room, download(room, revision=1))
    assert counts(shown) == (0, 1, 12, 0)
    apply(room, shown)
    assert current(dataset)[0].inputs["q"] == "007"


def test_the_api_gives_files_without_numbers_and_takes_those_with_them(room: Room, dataset: Dataset) -> None:
    plain = b"".join(room.api().get("datasets/cards/export/?format=csv").streaming_content)
    assert plain.decode("utf-8-sig").startswith("key,")
    rows = table(download(room))
    rows[0]["q"] = "edited"
    headers = {"Authorization": f"Bearer {room.api().key}"}
    answer = Client().post("/api/v1/datasets/cards/import/", {"file": upload(written(rows))}, headers=headers)
    assert answer.json() == {"revision": 2, "added": 0, "updated": 1, "unchanged": 12}


def test_what_was_kept_goes_with_the_file(room: Room, dataset: Dataset) -> None:
    rows = table(download(room))
    rows[0]["q"] = "edited"
    shown = compare(room, written(rows))
    kept = kept_files.kept_file(shown.context["upload"], dataset=dataset, user=room.admin)
    assert kept_files.beside(kept, "changes").exists()
    apply(room, shown)
    assert not list(kept.path.parent.glob(f"{kept.path.name}*"))
    gone = apply(room, shown)
    assert "Choose it again" in gone.content.decode()


def test_only_the_person_who_uploaded_sees_what_would_change(room: Room, dataset: Dataset) -> None:
    rows = table(download(room))
    rows[0]["q"] = "edited"
    shown = compare(room, written(rows))
    address = f"{shown.request['PATH_INFO']}?{shown.request['QUERY_STRING']}"
    assert room.client.get(address).status_code == 200
    assert room.member(Role.VIEWER).get(address).status_code == 403
    other = room.member(Role.EDITOR).get(address)
    assert urlsplit(other["Location"]).path.endswith("/import/")
    assert make_room().client.get(address).status_code == 404
    for odd in ("&start=99999", "&kind=zebra", "&start=x", "&kind=removed"):
        assert room.client.get(address + odd).status_code == 200, odd


def test_thousands_of_rows_are_compared_in_seconds_and_shown_page_by_page(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    cases_put(dataset, [CaseRow(inputs={"q": f"question {at}"}, expected="x" * 200) for at in range(3_000)])
    rows = table(download(room))
    for row in rows[::2]:
        row["q"] += " edited"
    started = time.monotonic()
    shown = compare(room, written(rows))
    assert time.monotonic() - started < 15
    assert counts(shown) == (0, 1_500, 1_500, 0)
    address = f"{shown.request['PATH_INFO']}?{shown.request['QUERY_STRING']}"
    with CaptureQueriesContext(connection) as first:
        room.client.get(address)
    with CaptureQueriesContext(connection) as later:
        page = room.client.get(f"{address}&kind=changed&start=1475")
    assert len(first) == len(later) <= 8
    assert [row.place for row in page.context["rows"]][-1] == "line 3,000"
    assert page.context["next_url"] == ""
