"""Settings, Audit trail: who may look, what is found, and the file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from llmops.core.choices import AuditKind, Role, Scope
from llmops.core.models import AuditEntry
from llmops.core.services import api_key_create, audit_note, member_remove, member_set
from tests.core.factories import Room, make_room, make_user

pytestmark = pytest.mark.django_db


def shown(room: Room, query: str = "") -> str:
    answer = room.client.get(f"{room.address}settings/audit/{query}")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def note(room: Room, what: str, **facts: Any) -> AuditEntry:
    audit_note(facts.pop("kind", AuditKind.PROJECT), "made", what, project_id=room.project.pk, **facts)
    return AuditEntry.objects.order_by("-pk")[0]


def test_a_line_is_a_sentence(room: Room) -> None:
    ben = member_set(project=room.project, user=make_user(name="Ben"), role=Role.VIEWER)
    room.client.post(f"{room.address}settings/members/{ben.pk}/", {"role": "editor"})
    assert "<b>Ana</b> changed Ben’s role from viewer to editor" in shown(room)


def test_an_entry_names_the_account_whatever_its_owner_was_called(room: Room) -> None:
    impostor = make_user(name="Ana")
    member_set(project=room.project, user=impostor, role=Role.EDITOR)
    entry = note(room, "did a thing", user=impostor)
    assert f"<h3>Account</h3><p>{impostor.email}</p>" in shown(room, f"?entry={entry.pk}")
    assert "<h3>Account</h3>" not in shown(room, f"?entry={note(room, 'ran by itself', who='Nobody').pk}")
    for person in (impostor, room.admin):
        assert f"Ana ({person.email})" in shown(room)


def test_keys_of_one_name_are_told_apart(room: Room) -> None:
    keys = [api_key_create(project=room.project, name=name, scopes=[Scope.READ]).row for name in ("CI", "CI", "Build")]
    text = shown(room)
    assert all(f"API key “CI” ({key.prefix}…)" in text for key in keys[:2])
    assert "API key “Build” (" not in text


def test_only_admins_see_the_tab_and_the_page(room: Room) -> None:
    assert f'href="{room.address}settings/audit/"' in unescape(
        room.client.get(f"{room.address}settings/").content.decode()
    )
    for role in (Role.VIEWER, Role.RELEASER):
        theirs = room.member(role)
        assert "settings/audit/" not in theirs.get(f"{room.address}settings/").content.decode()
        assert theirs.get(f"{room.address}settings/audit/").status_code == 403
        assert theirs.get(f"{room.address}settings/audit/export/").status_code == 403


def test_what_happened_in_another_project_or_to_strangers_is_not_shown(room: Room) -> None:
    other = make_room()
    theirs = note(other, "did a secret thing")
    stranger = make_user()
    audit_note(AuditKind.SIGN_IN, "password_changed", "changed a strangers password", user=stranger)
    audit_note(AuditKind.SIGN_IN, "password_changed", "changed their own password", user=room.admin)
    text = shown(room)
    assert "secret thing" not in text
    assert "strangers" not in text
    assert "changed their own password" in text
    assert "secret thing" not in shown(room, f"?entry={theirs.pk}")
    assert b"secret thing" not in room.client.get(f"{room.address}settings/audit/export/").content


def test_filters_narrow_down_and_stay_in_the_address(room: Room) -> None:
    ben, key = make_user(name="Ben"), api_key_create(project=room.project, name="CI", scopes=[Scope.READ])
    member_set(project=room.project, user=ben, role=Role.VIEWER)
    with time_machine.travel(timezone.now() - timedelta(days=8)):
        note(room, "did it long ago", user=ben)
    note(room, "did it lately", user=ben)
    note(room, "ran something", kind=AuditKind.RUN)
    both = shown(room, f"?who=u{ben.pk}")
    assert "long ago" in both
    assert "it lately" in both
    assert "ran something" not in both
    assert "long ago" not in shown(room, f"?who=u{ben.pk}&days=7")
    assert "it lately" in shown(room, f"?who=u{ben.pk}&days=7")
    runs = shown(room, "?kind=run")
    assert "ran something" in runs
    assert "it lately" not in runs
    assert "No entry fits" in shown(room, f"?who=k{key.row.pk}")
    assert f'href="?who=u{ben.pk}&kind=run&days=7"' in shown(room, f"?who=u{ben.pk}&days=7")
    assert "Who: Ben" in both


@pytest.mark.parametrize(
    "query", ["?who=x", "?who=u", "?who=u9999999999999999999", "?who=u²", "?kind=%00", "?kind=nothing", "?days=3"]
)
def test_a_filter_that_is_none_of_ours_fits_nothing(room: Room, query: str) -> None:
    assert "No entry fits" in shown(room, query)


@pytest.mark.parametrize("query", ["?entry=x", "?entry=0", "?entry=99999999999999999999", "?at=x"])
def test_an_entry_or_page_that_is_not_there_shows_the_list(room: Room, query: str) -> None:
    assert "made the project" in shown(room, query)


def test_an_entry_opens_with_what_was_before_and_after(room: Room) -> None:
    entry = note(room, "changed it", before={"role": "viewer", "member": "b"}, after={"role": "editor", "member": "b"})
    text = shown(room, f"?kind=project&entry={entry.pk}")
    assert "[was: </span>viewer" in text
    assert "[became: </span>editor" in text
    assert "[was: </span>b" not in text
    assert f'href="?kind=project&entry={entry.pk}"' in text
    assert 'href="?kind=project" hx-get="?kind=project"' in text
    alone = room.client.get(
        f"{room.address}settings/audit/?entry={entry.pk}", headers={"HX-Request": "true", "HX-Target": "entry-slot"}
    ).content.decode()
    assert "[was: </span>viewer" in alone
    assert "<main" not in alone


def test_a_long_sentence_takes_two_lines_of_the_list_and_is_whole_in_the_panel(room: Room) -> None:
    long = f"started a run of {'a-very-long-name-' * 20}"
    entry = note(room, long)
    text = shown(room, f"?entry={entry.pk}")
    line = text[text.index(f'id="entry-{entry.pk}"') - 600 : text.index(f'id="entry-{entry.pk}"')].rpartition("<a ")[2]
    assert "clamp-2" in line
    assert f'{long}"' in line
    assert f"{long}</p>" in text[text.index('id="entry-panel"') :]


def test_pages_are_short_and_cost_the_same(room: Room) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            shown(room)
        return len(asked)

    room.client.get(room.address)
    few = queries()
    for number in range(60):
        note(room, f"did number {number}")
    assert queries() == few
    text = shown(room)
    assert "did number 59" in text
    assert "did number 5<" not in text
    older = text.split('rel="next" href="')[1].split('"')[0]
    assert "did number 5<" in shown(room, older)


def test_who_was_removed_is_still_named(room: Room) -> None:
    ben = make_user(name="Ben")
    member_set(project=room.project, user=ben, role=Role.VIEWER)
    entry = note(room, "did it", user=ben)
    member_remove(project=room.project, user=ben)
    assert "<b>Ben</b> did it" in shown(room, f"?who=u{ben.pk}")
    assert f'href="?who=u{ben.pk}"' in shown(room, f"?entry={entry.pk}")


def test_the_file_has_what_fits_and_runs_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    note(room, "=1+1", before={"name": "a"}, after={"name": "b"})
    answer = room.client.get(f"{room.address}settings/audit/export/?kind=project")
    assert answer["Content-Disposition"] == f'attachment; filename="audit-trail-{room.project.slug}.csv"'
    header, first, *_ = csv.reader(io.StringIO(answer.content.decode()))
    assert header[:3] == ["When", "Who", "What"]
    assert first[1:6] == ["llmops (command line)", "'=1+1", "Project", "name: a", "name: b"]
    monkeypatch.setattr("llmops.core.views.audit.MOST_IN_A_FILE", 1)
    rows = list(csv.reader(io.StringIO(room.client.get(f"{room.address}settings/audit/export/").content.decode())))
    assert len(rows) == 3
    assert rows[2][2] == "Older entries are left out: a file has at most 1 of them."
