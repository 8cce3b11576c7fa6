"""Pages of datasets: who sees what, lists of every length, and what cannot be typed wrong."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, Dataset
from evals_app.services.datasets import cases_put, dataset_archive, dataset_create
from llmops.core.choices import Role
from tests.core.factories import Room, make_room, signed_in_async

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}{% url %}<img src=x onerror=alert(1)>"


def make(room: Room, name: str = "cards", *questions: str, **fields: Any) -> Dataset:
    dataset = dataset_create(project=room.project, name=name)
    cases_put(dataset, [CaseRow(inputs={"question": question}, **fields) for question in questions])
    dataset.refresh_from_db()
    return dataset


def page(room: Room, path: str, client: Client | None = None) -> str:
    answer = (client or room.client).get(room.address + path)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def rows(text: str) -> list[str]:
    """What stands in the rows' links."""
    return [
        re.sub(r"<[^>]+>", "", found).strip()
        for found in re.findall(r'class="row-link[^>]*>(.*?)</a>', text, re.DOTALL)
    ]


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_an_empty_project_offers_both_ways(room: Room) -> None:
    text = page(room, "datasets/")
    assert "No dataset yet" in text
    assert f"{room.address}new-dataset/" in text
    assert f"{room.address}new-dataset/?fill=type" in text
    viewer = page(room, "datasets/", room.member(Role.VIEWER))
    assert "new-dataset" not in viewer


def test_the_list_names_cases_columns_and_who_changed_it(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    cases_put(dataset, [CaseRow(inputs={"question": "a", "product": "b"})], author=room.admin)
    make(room, "other")
    text = page(room, "datasets/")
    assert rows(text) == ["other", "cards"] or rows(text) == ["cards", "other"]
    assert "question, product" in text
    assert "by you" in text
    assert rows(page(room, "datasets/?q=CARD")) == ["cards"]
    assert "contains “zebra”" in page(room, "datasets/?q=zebra")


def test_lists_take_the_same_queries_however_long_they_are(room: Room) -> None:
    make(room, "cards", "one", tags=["x"], expected="y")
    addresses = [room.address + path for path in ("datasets/", "datasets/cards/", "datasets/cards/history/")]
    room.client.get(addresses[0])  # the first look of a sign-in is written down
    few = [queries(room.client, address) for address in addresses]
    for number in range(20):
        make(room, f"more {number}", "a", "b")
    dataset = Dataset.objects.get(project=room.project, name="cards")
    for number in range(5):
        cases_put(dataset, [CaseRow(inputs={"question": f"{number} {at}"}, tags=["x"]) for at in range(30)])
    assert [queries(room.client, address) for address in addresses] == few
    assert max(few) <= 12


def test_pages_of_cases_go_forth_and_back_without_gaps(room: Room) -> None:
    make(room, "cards", *[f"q{at:03}" for at in range(250)])
    first = room.client.get(f"{room.address}datasets/cards/")
    seen = rows(unescape(first.content.decode()))
    assert seen == [f"q{at:03}" for at in range(100)]
    second = room.client.get(first.context["next_url"])
    assert rows(second.content.decode()) == [f"q{at:03}" for at in range(100, 200)]
    third = room.client.get(second.context["next_url"])
    assert rows(third.content.decode()) == [f"q{at:03}" for at in range(200, 250)]
    assert third.context["next_url"] == ""
    back = room.client.get(third.context["previous_url"])
    assert rows(back.content.decode()) == [f"q{at:03}" for at in range(100, 200)]
    home = room.client.get(back.context["previous_url"])
    assert rows(home.content.decode()) == seen
    assert home.context["previous_url"] == ""


def test_tags_and_search_narrow_and_stay_in_the_address(room: Room) -> None:
    dataset = make(room)
    cases_put(
        dataset,
        [
            CaseRow(inputs={"question": 'He said "100 % sure"', "about": "x"}, tags=["easy"]),
            CaseRow(inputs={"question": "line\nbreak"}, expected="Émile", tags=["easy", "hard"]),
            CaseRow(key="K-7", inputs={"question": "third Übung (a+b)* 🙂"}),
        ],
    )
    assert rows(page(room, "datasets/cards/?tag=easy")) == ['He said "100 % sure"', "line\nbreak"]
    assert rows(page(room, "datasets/cards/?tag=easy&q=émile")) == ["line\nbreak"]
    third = ["third Übung (a+b)* 🙂"]
    for found in ("k-7", "THIRD", "übung", "(A+B)*", "🙂"):
        assert rows(page(room, f"datasets/cards/?q={quote(found)}")) == third, found
    assert rows(page(room, "datasets/cards/?q=line%0Abreak")) == ["line\nbreak"]
    assert rows(page(room, "datasets/cards/?q=said+%22100+%25")) == ['He said "100 % sure"']
    for nowhere in ("question", "about", "100_", r"\\", "%"):
        found = rows(page(room, f"datasets/cards/?q={quote(nowhere)}"))
        assert found == (['He said "100 % sure"'] if nowhere == "%" else []), nowhere
    narrowed = page(room, "datasets/cards/?tag=easy&q=l")
    assert '<input type="hidden" name="tag" value="easy">' in narrowed
    assert "tag=hard" in narrowed
    assert "?q=l&tag=hard" in narrowed


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=-1",
        "after=99999999999999999999",
        "before=0",
        "case=x",
        "case=99",
        "tag=%00",
        "q=%00",
        "imported=9",
        "tag=nowhere",
    ],
)
def test_odd_addresses_do_no_harm(room: Room, query: str) -> None:
    make(room, "cards", "one")
    assert room.client.get(f"{room.address}datasets/cards/?{query}").status_code == 200


@pytest.mark.parametrize("name", ["nothing", "%00", "..", "%F0%9F%99%82", "a%2Fb"])
def test_a_dataset_that_is_not_there_is_404(room: Room, name: str) -> None:
    assert room.client.get(f"{room.address}datasets/{name}/").status_code == 404


def test_hostile_texts_are_shown_as_texts(room: Room) -> None:
    name = HOSTILE.replace("/", "|")[:110]
    dataset = dataset_create(project=room.project, name=name, description=HOSTILE)
    row = CaseRow(
        key=HOSTILE, inputs={HOSTILE[:90]: HOSTILE}, expected=HOSTILE, tags=[HOSTILE[:50]], metadata={HOSTILE: HOSTILE}
    )
    cases_put(dataset, [row], message=HOSTILE)
    case = Case.objects.get(dataset=dataset)
    base = f"{room.address}datasets/{quote(name, safe='')}/"
    for address in (
        base,
        f"{base}?case={case.pk}",
        f"{base}history/",
        f"{base}add/",
        f"{base}edit/",
        f"{base}import/",
        f"{room.address}datasets/",
    ):
        answer = room.client.get(address)
        assert answer.status_code == 200, address
        text = answer.content.decode()
        assert "<script>alert" not in text, address
        assert "<img src=x" not in text, address


def test_roles_and_other_projects(room: Room) -> None:
    dataset = make(room, "cards", "secret question")
    case_id = Case.objects.get(dataset=dataset).pk
    reads = [
        "datasets/",
        "datasets/cards/",
        f"datasets/cards/?case={case_id}",
        "datasets/cards/history/",
        "datasets/cards/export/",
    ]
    edits = ["new-dataset/", "datasets/cards/edit/", "datasets/cards/add/", "datasets/cards/import/"]
    posts = [
        f"datasets/cards/cases/{case_id}/",
        f"datasets/cards/cases/{case_id}/remove/",
        f"datasets/cards/cases/{case_id}/put-back/",
        "datasets/cards/remove/",
        "datasets/cards/restore/",
    ]
    stranger, nobody = make_room().client, Client()
    for role, expected in ((Role.VIEWER, 403), (Role.REVIEWER, 403), (Role.EDITOR, 200), (Role.RELEASER, 200)):
        client = room.member(role)
        assert {_status(client.get(room.address + path)) for path in reads} == {200}, role
        assert {_status(client.get(room.address + path)) for path in edits} == {expected}, role
        if expected == 403:
            assert {_status(client.post(room.address + path)) for path in posts} == {403}, role
    for path in reads + edits:
        assert stranger.get(room.address + path).status_code == 404, path
        assert nobody.get(room.address + path).status_code == 302, path
    for path in posts:
        assert stranger.post(room.address + path).status_code == 404, path
        assert nobody.post(room.address + path).status_code == 302, path
        assert room.client.get(room.address + path).status_code in (302, 405), path
    assert Case.objects.filter(dataset=dataset, versions__until__isnull=True).exists()


def test_a_new_dataset_leads_to_how_it_is_filled(room: Room) -> None:
    address = f"{room.address}new-dataset/"
    made = room.client.post(address, {"name": "Karten & Konten?", "description": "d", "fill": "import"})
    assert made["Location"] == f"{room.address}datasets/Karten%20&%20Konten%3F/import/"
    assert room.client.get(made["Location"]).status_code == 200
    typed = room.client.post(address, {"name": "typed", "fill": "type"})
    assert typed["Location"].endswith("/datasets/typed/add/")
    taken = room.client.post(address, {"name": "typed", "fill": "type"})
    assert taken.status_code == 422
    assert "already a dataset" in taken.content.decode()
    slash = room.client.post(address, {"name": "a/b", "fill": "type"})
    assert "may not contain a slash" in slash.content.decode()


def test_a_dataset_called_new_is_as_good_as_any(room: Room) -> None:
    make(room, "new", "one")
    assert rows(page(room, "datasets/new/")) == ["one"]


def test_archiving_is_undone(room: Room) -> None:
    make(room, "cards", "one")
    gone = room.client.post(f"{room.address}datasets/cards/remove/", follow=True)
    assert "is archived" in gone.content.decode()
    assert rows(page(room, "datasets/")) == []
    assert "All datasets are archived" in page(room, "datasets/")
    assert rows(page(room, "datasets/?archived=1")) == ["cards"]
    shown = page(room, "datasets/cards/")
    assert "Bring it back" in shown
    assert "Add cases" not in shown
    assert room.client.get(f"{room.address}datasets/cards/add/").status_code == 404
    assert "Bring it back" not in page(room, "datasets/cards/", room.member(Role.VIEWER))
    room.client.post(f"{room.address}datasets/cards/restore/")
    assert rows(page(room, "datasets/")) == ["cards"]


def test_renaming(room: Room) -> None:
    make(room, "cards", "one")
    make(room, "other")
    address = f"{room.address}datasets/cards/edit/"
    assert room.client.post(address, {"name": "other", "description": ""}).status_code == 422
    moved = room.client.post(address, {"name": "new name", "description": "what it is"})
    assert moved["Location"] == f"{room.address}datasets/new%20name/"
    assert "what it is" in page(room, "datasets/new%20name/")


def test_history_says_what_was_changed_by_whom(room: Room) -> None:
    dataset = dataset_create(project=room.project, name="cards")
    cases_put(
        dataset,
        [CaseRow(key="1", inputs={"q": "a"}), CaseRow(key="2", inputs={"q": "b"})],
        author=room.admin,
        message="First ones",
    )
    cases_put(dataset, [CaseRow(key="1", inputs={"q": "changed"}), CaseRow(key="3", inputs={"q": "c"})])
    text = re.sub(r"\s+", " ", page(room, "datasets/cards/history/"))
    assert "1 added, 1 changed" in text
    assert "First ones" in text
    assert "by you" in text
    assert "format=csv&revision=1" in text


def test_the_run_button_names_the_dataset(room: Room) -> None:
    make(room, "cards & more", "one")
    assert f"{room.address}runs/new/?dataset=cards%20%26%20more" in page(room, "datasets/cards%20&%20more/")
    make(room, "empty")
    assert "runs/new/?dataset" not in page(room, "datasets/empty/")
    archived = make(room, "old", "one")
    dataset_archive(archived)
    assert "runs/new/?dataset" not in page(room, "datasets/old/")


@pytest.mark.parametrize(
    ("query", "kind"),
    [("", "text/csv"), ("?format=xlsx", "application/vnd.open"), ("?format=jsonl", "application/x-ndjson")],
)
def test_downloads(room: Room, query: str, kind: str) -> None:
    make(room, "Käse", "one")
    answer = room.client.get(f"{room.address}datasets/Käse/export/{query}")
    assert answer["Content-Type"].startswith(kind)
    assert "attachment; filename*=utf-8''K%C3%A4se." in answer["Content-Disposition"]
    assert len(b"".join(answer.streaming_content)) > 5
    for odd in ("?format=exe", "?revision=99", "?revision=x"):
        assert room.client.get(f"{room.address}datasets/Käse/export/{odd}").status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_a_download_under_asgi_comes_in_pieces() -> None:
    from asgiref.sync import sync_to_async

    room = await sync_to_async(make_room)()
    await sync_to_async(make)(room, "cards", *[f"{at} {'x' * 2_000}" for at in range(400)])
    client: AsyncClient = await signed_in_async(room.admin)
    answer = await client.get(f"{room.address}datasets/cards/export/")
    pieces = [piece async for piece in answer.streaming_content]
    assert len(pieces) > 2
    assert b"".join(pieces).count(b"\r\n") == 401


def _status(answer: Any) -> int:
    if getattr(answer, "streaming", False):
        b"".join(answer.streaming_content)
    return int(answer.status_code)
