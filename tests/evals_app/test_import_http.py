"""Every bad file of the list, sent over HTTP to the API and to the page: a sentence, and nothing stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from evals_app.models import CaseVersion, Dataset
from evals_app.services.datasets import dataset_create
from llmops.core.choices import Role
from tests.core.factories import Api, Room, error_of, make_room
from tests.evals_app.files import upload, workbook, workbook_bomb

pytestmark = pytest.mark.django_db
MB = 1024 * 1024


@pytest.fixture
def dataset(room: Room) -> Dataset:
    return dataset_create(project=room.project, name="cards")


def send(api: Api, content: bytes, name: str = "cases.csv", **fields: str) -> Any:
    """A file to the API."""
    headers = {"Authorization": f"Bearer {api.key}"}
    headers |= {"Idempotency-Key": key} if (key := fields.pop("idempotency_key", "")) else {}
    body = {"file": upload(content, name), **fields}
    return Client().post("/api/v1/datasets/cards/import/", body, headers=headers)


def page_of(room: Room) -> str:
    return reverse("evals:dataset-import", args=[room.project.slug, "cards"])


def choose(room: Room, content: bytes, name: str = "cases.csv", client: Client | None = None) -> Any:
    """Step 1 of the page."""
    return (client or room.client).post(page_of(room), {"file": upload(content, name)})


def columns_form(page: Any) -> dict[str, str]:
    """What step 2 would send as it stands."""
    text = page.content.decode()
    form = {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input[^>]*name="((?:upload|column_\d+|name_\d+))"[^>]*value="([^"]*)"', text)
    }
    for name, options in re.findall(r'<select[^>]*name="(meaning_\d+)"[^>]*>(.*?)</select>', text, re.DOTALL):
        (chosen,) = re.findall(r'value="(\w+)" selected', options)
        form[name] = chosen
    return form


def through_the_page(room: Room, content: bytes, name: str = "cases.csv", **changes: str) -> Any:
    """All steps; the answer of the last one that could be taken."""
    chosen = choose(room, content, name)
    if chosen.status_code != 302:
        return chosen
    second = room.client.get(chosen["Location"])
    assert second.status_code == 200
    return room.client.post(page_of(room), {**columns_form(second), **changes})


def stored(dataset: Dataset) -> list[tuple[dict[str, str], str | None]]:
    dataset.refresh_from_db()
    rows = CaseVersion.objects.filter(dataset=dataset, until__isnull=True).order_by("position")
    return [(row.inputs, row.expected) for row in rows]


TEXT = "question,expected\nCan I pay in dollars?,yes\n¿Y en España?,sí\n"
GOOD = {
    "plain": (TEXT.encode(), "cases.csv"),
    "byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), "cases.csv"),
    "semicolons": (TEXT.replace(",", ";").encode(), "cases.csv"),
    "tabs": (TEXT.replace(",", "\t").encode(), "cases.tsv"),
    "latin-1": (TEXT.encode("latin-1"), "cases.csv"),
    "utf-16": (TEXT.encode("utf-16"), "cases.csv"),
    "windows line ends": (TEXT.replace("\n", "\r\n").encode(), "cases.csv"),
    "json lines": (
        b'{"question": "Can I pay in dollars?", "expected": "yes"}\n'
        + '{"question": "¿Y en España?", "expected": "sí"}\n'.encode(),
        "cases.jsonl",
    ),
    "workbook": (
        workbook([["question", "expected"], ["Can I pay in dollars?", "yes"], ["¿Y en España?", "sí"]]),
        "cases.xlsx",
    ),
}
CASES = [({"question": "Can I pay in dollars?"}, "yes"), ({"question": "¿Y en España?"}, "sí")]


@pytest.mark.parametrize("kind", GOOD)
def test_files_of_every_kind_become_the_same_cases(room: Room, dataset: Dataset, kind: str) -> None:
    answer = send(room.api(), *GOOD[kind])
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"revision": 1, "added": 2, "updated": 0, "unchanged": 0}
    assert stored(dataset) == CASES
    done = through_the_page(room, *GOOD[kind])
    assert done.status_code == 302
    assert "Nothing would change" in room.client.get(done["Location"]).content.decode()
    assert dataset.revisions.get().message == f"Imported from {GOOD[kind][1]}"


BAD: dict[str, tuple[bytes | Callable[[], bytes], str, str]] = {
    "empty": (b"", "cases.csv", "empty"),
    "blank": (b"\n\n  \n", "cases.csv", "empty"),
    "header alone": (b"question,expected\n", "cases.csv", "no rows below"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "cases.csv", "picture"),
    "old excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "cases.xls", "Save it as Excel workbook"),
    "broken workbook": (workbook([["question"], ["a"]])[:900], "cases.xlsx", "damaged"),
    "bomb": (workbook_bomb, "cases.xlsx", "unpack"),
    "same name twice": (b"question,question\na,b\n", "cases.csv", "both called"),
    "bad json": (b'{"question": "a"}\n{"question": \n', "cases.jsonl", "line 2"),
}


@pytest.mark.parametrize("kind", BAD)
def test_files_that_cannot_be_read_get_a_sentence_and_store_nothing(room: Room, dataset: Dataset, kind: str) -> None:
    file, name, says = BAD[kind]
    content = file() if callable(file) else file
    answer = send(room.api(), content, name)
    error = error_of(answer)
    assert answer.status_code == 422
    said = " ".join([error["message"], *(f"line {field.get('row')} {field['message']}" for field in error["fields"])])
    assert says in said
    refused = through_the_page(room, content, name)
    assert refused.status_code == 422
    assert (
        says in unescape(re.sub(r"<[^>]+>|\s+", " ", refused.content.decode())) or "Line 2" in said or says == "line 2"
    )
    assert stored(dataset) == []
    assert dataset.revision == 0


WRONG_ROWS = (
    "question,expected,key\n"
    "fine,yes,1\n"
    ",no question,2\n"
    f"{'x' * 1_000_001},too long,3\n"
    "another,same key,1\n"
    "one cell,too,many,here\n"
).encode()


def steps_of(page: Any) -> list[tuple[str, str]]:
    """The steps that the page shows, each with how far it is."""
    line = page.content.decode().split('<ol class="steps-line">')[1].split("</ol>")[0]
    states = re.findall(r'<li class="is-(\w+)"', line)
    labels = re.findall(r">([^<>]+)</(?:a|span)>\s*</li>", line)
    return list(zip(labels, states, strict=True))


def test_an_import_has_three_steps_and_a_refused_file_is_the_first_again(room: Room, dataset: Dataset) -> None:
    def first_two(states: tuple[str, str]) -> list[tuple[str, str]]:
        return list(zip(("Choose a file", "Say what its columns are"), states, strict=True))

    for third in ("See what was stored", "See what changes"):
        assert steps_of(room.client.get(page_of(room))) == [*first_two(("current", "todo")), (third, "todo")]
        refused = choose(room, b"", "cases.csv")
        assert steps_of(refused) == [*first_two(("current", "todo")), (third, "todo")]
        chosen = choose(room, TEXT.encode())
        columns = room.client.get(chosen["Location"])
        assert steps_of(columns) == [*first_two(("done", "current")), (third, "todo")]
        wrong = through_the_page(room, WRONG_ROWS)
        assert steps_of(wrong) == [*first_two(("current", "todo")), (third, "todo")]
        done = room.client.post(page_of(room), columns_form(columns))
    assert steps_of(room.client.get(done["Location"])) == [*first_two(("done", "done")), (third, "current")]


def test_wrong_rows_are_all_listed_with_line_column_and_reason(room: Room, dataset: Dataset) -> None:
    answer = send(room.api(), WRONG_ROWS)
    assert answer.status_code == 422
    error = error_of(answer)
    assert error["code"] == "wrong_rows"
    assert error["message"].startswith("4 rows are wrong, so nothing was stored.")
    found = {field["row"]: (field["field"], field["message"]) for field in error["fields"]}
    assert list(found) == [3, 4, 5, 6]
    assert "no input" in found[3][1]
    assert found[4][0] == "question"
    assert "1,000,001 characters" in found[4][1]
    assert found[5][0] == "key"
    assert "line 2" in found[5][1]
    assert "4 cells" in found[6][1]
    page = through_the_page(room, WRONG_ROWS)
    text = unescape(page.content.decode())
    assert page.status_code == 422
    assert "Nothing was stored" in text
    for line, (_, message) in found.items():
        assert f'data-name="Line">{line}</td>' in text
        assert message in text
    assert stored(dataset) == []


def test_a_million_characters_in_a_cell_are_stored_and_one_more_is_not(room: Room, dataset: Dataset) -> None:
    longest = "x" * 1_000_000
    assert send(room.api(), f"question\n{longest}\n".encode()).json()["added"] == 1
    assert stored(dataset) == [({"question": longest}, None)]
    assert send(room.api(), f"question\n{longest}x\n".encode()).status_code == 422
    page = room.client.get(reverse("evals:dataset-detail", args=[room.project.slug, "cards"]))
    assert len(page.content) < 60_000, "a list shows the beginning of a text"


def test_cells_that_look_like_formulas_are_texts(room: Room, dataset: Dataset) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("x")', "\t=1", "＝1"]
    rows = [["question", "expected"], *[[f"q{at}", text] for at, text in enumerate(formulas)]]
    assert send(room.api(), json_lines(rows), "cases.jsonl").status_code == 200
    before = stored(dataset)
    assert [expected for _, expected in before] == formulas
    for name in ("csv", "xlsx"):
        file = export(room, name)
        if name == "csv":
            assert not re.search(rb'(?:^|[,"])[=+@-]', file.split(b"\n", 1)[1]), "a spreadsheet would compute this"
        dataset_create(project=room.project, name=f"copy as {name}")
        Client()
        answer = import_into(room, f"copy as {name}", file, f"cases.{name}")
        assert answer.status_code == 200, answer.content
        assert stored(Dataset.objects.get(project=room.project, name=f"copy as {name}")) == before


def test_a_workbook_with_a_computed_cell_says_what_became_of_it(room: Room, dataset: Dataset) -> None:
    answer = send(room.api(), workbook([["question", "expected"], ["a", "=1+1"]]), "cases.xlsx")
    if answer.status_code == 200:
        assert stored(dataset)[0][0] == {"question": "a"}
    else:
        (field,) = error_of(answer)["fields"]
        assert (field["row"], field["field"]) == (2, "expected")


def test_the_column_map_of_the_api(room: Room, dataset: Dataset) -> None:
    file = b"No.,Frage,Antwort,Notiz\n7,Wie?,So.,intern\n"
    columns = {"No.": "key", "Frage": "input:question", "Antwort": "expected", "Notiz": "ignore"}
    assert send(room.api(), file, columns=json.dumps(columns)).status_code == 200
    case = CaseVersion.objects.select_related("case").get(dataset=dataset)
    assert (case.case.key, case.inputs, case.expected) == ("7", {"question": "Wie?"}, "So.")
    for wrong, says in (
        ("{", "column map must be JSON"),
        ("[1]", "column map must be JSON"),
        ('{"Spalte": "key"}', "no column “Spalte”"),
        ('{"Frage": "colour"}', "not a meaning"),
        ('{"Frage": "expected", "Antwort": "expected"}', "both meant as"),
    ):
        answer = send(room.api(), file, columns=wrong)
        assert answer.status_code == 422
        assert says in error_of(answer)["message"]


def test_the_api_says_when_there_is_no_file_and_what_it_takes(room: Room, dataset: Dataset) -> None:
    headers = {"Authorization": f"Bearer {room.api().key}"}
    nothing = Client().post("/api/v1/datasets/cards/import/", {"columns": ""}, headers=headers)
    assert (nothing.status_code, error_of(nothing)["fields"][0]["field"]) == (422, "file")
    json_body = room.api().post("datasets/cards/import/", {"file": "x"})
    assert json_body.status_code == 415


def test_an_import_with_an_idempotency_key_is_done_once(room: Room, dataset: Dataset) -> None:
    first = send(room.api(), TEXT.encode(), idempotency_key="one")
    assert first.json()["added"] == 2
    api = room.api()
    api.post("datasets/cards/cases/", {"cases": [{"inputs": {"question": "more"}}]})
    assert send(room.api(), TEXT.encode(), idempotency_key="one").json() == first.json()
    refused = send(room.api(), b"", idempotency_key="two")
    assert refused.status_code == 422
    assert send(room.api(), TEXT.encode(), idempotency_key="two").json()["unchanged"] == 2


def test_more_than_100_mb_are_refused_before_they_are_read(room: Room, dataset: Dataset) -> None:
    headers = {"Authorization": f"Bearer {room.api().key}", "Content-Length": str(150 * MB)}
    answer = Client().post("/api/v1/datasets/cards/import/", {"file": upload(b"q\na\n")}, headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")
    assert "100 MB" in error_of(answer)["message"]
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(room.admin)
    page = careful.post(page_of(room), {"file": upload(b"q\na\n")}, headers={"Content-Length": str(150 * MB)})
    assert page.status_code == 413
    assert "larger than 100 MB" in page.content.decode()


def test_the_page_still_asks_for_the_csrf_token(room: Room, dataset: Dataset) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(room.admin)
    assert careful.post(page_of(room), {"file": upload(TEXT.encode())}).status_code == 403


def test_columns_are_guessed_and_can_be_chosen_otherwise(room: Room, dataset: Dataset) -> None:
    chosen = choose(room, b"Frage?,answer,No.\nWie?,So.,7\n")
    form = columns_form(room.client.get(chosen["Location"]))
    assert {name: value for name, value in form.items() if name != "upload"} == {
        "column_0": "Frage?", "name_0": "Frage", "meaning_0": "input",
        "column_1": "answer", "name_1": "answer", "meaning_1": "expected",
        "column_2": "No.", "name_2": "No.", "meaning_2": form["meaning_2"],
    }  # fmt: skip
    form |= {"meaning_1": "reference", "meaning_2": "key", "name_0": "question"}
    done = room.client.post(page_of(room), form)
    assert done.status_code == 302
    case = CaseVersion.objects.select_related("case").get(dataset=dataset)
    assert (case.case.key, case.inputs, case.expected, case.reference) == ("7", {"question": "Wie?"}, None, "So.")
    page = room.client.get(done["Location"])
    assert "1 added" in page.content.decode()


def test_two_columns_for_one_role_are_refused_with_the_choices_kept(room: Room, dataset: Dataset) -> None:
    chosen = choose(room, b"a,b\n1,2\n")
    form = columns_form(room.client.get(chosen["Location"])) | {"meaning_0": "expected", "meaning_1": "expected"}
    refused = room.client.post(page_of(room), form)
    assert refused.status_code == 422
    assert "both meant as expected" in refused.content.decode()
    assert columns_form(refused)["meaning_1"] == "expected"
    assert room.client.post(page_of(room), form | {"meaning_0": "input"}).status_code == 302


def test_pasted_cells_are_a_file_too(room: Room, dataset: Dataset) -> None:
    chosen = room.client.post(page_of(room), {"pasted": 'question\texpected\r\n"two\nlines"\tyes\r\n'})
    assert chosen.status_code == 302
    assert room.client.post(page_of(room), columns_form(room.client.get(chosen["Location"]))).status_code == 302
    assert stored(dataset) == [({"question": "two\nlines"}, "yes")]


def test_a_kept_file_is_for_one_person_and_one_dataset(room: Room, dataset: Dataset) -> None:
    dataset_create(project=room.project, name="other")
    address = choose(room, TEXT.encode())["Location"]
    assert room.client.get(address).status_code == 200
    other_dataset = room.client.get(address.replace("/cards/", "/other/"))
    other_person = room.member(Role.EDITOR).get(address)
    forged = room.client.get(address[:-3] + "xyz")
    for answer in (other_dataset, other_person, forged):
        assert answer.status_code == 422
        assert "Choose it again" in unescape(answer.content.decode())


def test_a_file_is_gone_after_it_was_stored(room: Room, dataset: Dataset) -> None:
    address = choose(room, TEXT.encode())["Location"]
    form = columns_form(room.client.get(address))
    assert room.client.post(page_of(room), form).status_code == 302
    again = room.client.post(page_of(room), form)
    assert again.status_code == 422
    assert len(stored(dataset)) == 2


def test_a_viewer_cannot_import(room: Room, dataset: Dataset) -> None:
    viewer = room.member(Role.VIEWER)
    assert viewer.get(page_of(room)).status_code == 403
    assert choose(room, TEXT.encode(), client=viewer).status_code == 403
    assert make_room().client.get(page_of(room)).status_code == 404


def json_lines(rows: list[list[str]]) -> bytes:
    header, *rest = rows
    return "\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in rest).encode()


def export(room: Room, file_format: str, name: str = "cards") -> bytes:
    answer = room.api().get(f"datasets/{name}/export/?format={file_format}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def import_into(room: Room, name: str, content: bytes, filename: str) -> Any:
    headers = {"Authorization": f"Bearer {room.api().key}"}
    return Client().post(f"/api/v1/datasets/{name}/import/", {"file": upload(content, filename)}, headers=headers)
