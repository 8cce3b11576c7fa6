"""R41: what was done is noted with who, what, before, after, address and request, and nobody can change the note."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from evals_app.services import dataset_archive, dataset_unarchive, evaluator_archive, run_resume, run_stop
from llmops.core.acting import Acting, acting_now
from llmops.core.choices import AuditKind, Role, Scope
from llmops.core.models import AuditEntry, Invitation, Membership
from llmops.core.selectors.accounts import reset_link
from llmops.core.services import (
    LastAdmin,
    api_key_create,
    audit_note,
    member_remove,
    member_set,
    project_create,
    user_create_admin,
)
from llmops.core.services.accounts import password_reset
from llmops.core.services.invitations import invitation_accept, invitation_send
from llmops.providers.base import Message, Vendor
from prompts_app.services import VersionContent, prompt_archive, prompt_unarchive, version_publish
from tests.core.factories import Api, Room, make_connection, make_room, make_user
from tests.security.tenants import Tenant, make_tenant

pytestmark = pytest.mark.django_db
KEY, PASSWORD = "sk-canary-0123456789abcdef", "canary of a password"


def newest() -> AuditEntry:
    entry = AuditEntry.objects.order_by("-pk").first()
    assert entry is not None
    return entry


def newest_pk() -> int:
    return AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def noted_since(pk: int) -> list[str]:
    return [str(entry) for entry in AuditEntry.objects.filter(pk__gt=pk).order_by("pk")]


# -- append-only ----------------------------------------------------------------------------------------------------


def bulk_update() -> None:
    entry = newest()
    entry.what = "did nothing"
    AuditEntry.objects.bulk_update([entry], ["what"])


def raw(statement: str) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


@pytest.mark.parametrize(
    "change",
    [
        lambda: AuditEntry.objects.update(who="Nobody"),
        lambda: AuditEntry.objects.filter(pk=newest().pk).delete(),
        lambda: newest().save(),
        bulk_update,
        raw("UPDATE core_auditentry SET who = 'Nobody'"),
        raw("DELETE FROM core_auditentry WHERE false"),
        raw("TRUNCATE core_auditentry"),
        raw("INSERT INTO core_auditentry (id, at, kind, action, who, what) SELECT id, at, kind, action, who, what"
            " FROM core_auditentry ON CONFLICT (id) DO UPDATE SET who = 'Nobody'"),
    ],
    ids=["update", "delete", "save", "bulk_update", "raw update", "raw delete", "truncate", "upsert"],
)  # fmt: skip
def test_nothing_changes_or_deletes_an_entry(change: Callable[[], Any]) -> None:
    audit_note(AuditKind.PROJECT, "made", "made something")
    before = list(AuditEntry.objects.order_by("pk").values())
    with pytest.raises(DatabaseError, match="added to and never changed"), transaction.atomic():
        change()
    assert list(AuditEntry.objects.order_by("pk").values()) == before


def test_an_entry_outlives_its_project_and_its_person() -> None:
    room = make_room()
    entry, project_id = newest(), room.project.pk
    room.project.delete()
    room.admin.delete()
    entry.refresh_from_db()
    assert (entry.project_id, entry.what) == (project_id, "made the project “Bank assistant”")


def test_a_change_that_fails_leaves_no_entry() -> None:
    room = make_room()
    before = AuditEntry.objects.count()
    with pytest.raises(LastAdmin):
        member_remove(project=room.project, user=room.admin)
    with pytest.raises(RuntimeError), transaction.atomic():
        member_set(project=room.project, user=make_user(), role=Role.VIEWER)
        raise RuntimeError
    assert AuditEntry.objects.count() == before


# -- who, from where ------------------------------------------------------------------------------------------------


def test_a_member_in_a_browser_is_named_with_address_and_request() -> None:
    room = make_room()
    ben = member_set(project=room.project, user=make_user(name="Ben"), role=Role.VIEWER)
    room.client.post(
        f"{room.address}settings/members/{ben.pk}/",
        {"role": "editor"},
        headers={"x-forwarded-for": "198.51.100.7", "x-request-id": "the-request"},
    )
    entry = newest()
    assert str(entry) == "Ana changed Ben’s role from viewer to editor"
    assert (entry.user_id, entry.api_key_id, entry.project_id) == (room.admin.pk, None, room.project.pk)
    assert (entry.address, entry.request_id) == ("198.51.100.7", "the-request")
    assert entry.before == {"member": ben.user.email, "role": "viewer"}
    assert entry.after == {"member": ben.user.email, "role": "editor"}


def test_a_program_is_named_by_its_key() -> None:
    room = make_room()
    made = api_key_create(project=room.project, name="CI", scopes=[Scope.ALL])
    assert Api(made.text).post("connections/", {"name": "p", "vendor": "practice"}).status_code == 201
    assert str(newest()) == "The API key “CI” added the connection “p”"
    assert (newest().api_key_id, newest().user_id) == (made.row.pk, None)


def test_a_command_is_named_as_such() -> None:
    user_create_admin(email="root@example.com", password="long enough for this")
    assert str(newest()) == "llmops (command line) made root@example.com an admin of every project, with a new password"
    assert newest().address == ""


def test_who_acts_is_forgotten_after_the_request() -> None:
    make_room().client.get("/account/")
    assert acting_now() == Acting()


def test_whoever_is_signed_in_is_not_taken_for_the_program_that_calls() -> None:
    room = make_room()
    made = api_key_create(project=room.project, name="CI", scopes=[Scope.ALL])
    room.client.post(
        "/api/v1/connections/",
        {"name": "p", "vendor": "practice"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.text}"},
    )
    assert newest().who == "The API key “CI”"


# -- what -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("mine")


def page(tenant: Tenant, path: str, **typed: str) -> Callable[[], Any]:
    return lambda: tenant.room.client.post(tenant.room.address + path, typed)


ACTIONS: dict[str, tuple[Callable[[Tenant], Any], str]] = {
    "key made": (
        lambda t: page(t, "settings/api-keys/", name="CI", scope="read", lasts="0")(),
        "Ana made the API key “CI”",
    ),
    "key revoked": (
        lambda t: page(t, f"settings/api-keys/{t.key.pk}/revoke/")(),
        "Ana revoked the API key “key mine”",
    ),
    "member removed": (
        lambda t: page(t, f"settings/members/{t.member.pk}/remove/")(),
        "Ana removed member mine",
    ),
    "invited": (
        lambda t: page(t, "settings/members/invite/", email="New@example.com", role="viewer")(),
        "Ana invited new@example.com as viewer",
    ),
    "invited again": (
        lambda t: page(t, f"settings/invitations/{t.invitation.pk}/resend/")(),
        "Ana invited mine@example.com as viewer once more",
    ),
    "invitation withdrawn": (
        lambda t: page(t, f"settings/invitations/{t.invitation.pk}/withdraw/")(),
        "Ana withdrew the invitation for mine@example.com",
    ),
    "project renamed": (
        lambda t: page(t, "settings/", name="Help desk")(),
        "Ana renamed the project from “Room mine” to “Help desk”",
    ),
    "connection removed": (
        lambda t: page(t, f"models/{t.connection.name}/remove/")(),
        "Ana removed the connection “connection mine” and its key",
    ),
    "prompt made": (
        lambda t: page(t, "new-prompt/", name="greet", user="Hello {{name}}")(),
        "Ana made the prompt “greet”",
    ),
    "prompt restored": (
        lambda t: (
            version_publish(t.version.prompt, content=VersionContent(messages=[Message("user", "two")])),
            page(t, f"prompts/{t.version.prompt.name}/restore/", number="1")(),
        )[1],
        "llmops (command line) saved version 2 of the prompt “prompt mine”|"
        "Ana saved version 3 of the prompt “prompt mine”",
    ),
    "dataset made": (
        lambda t: page(t, "new-dataset/", name="cards", description="", fill="type")(),
        "Ana made the dataset “cards”",
    ),
    "case taken out": (
        lambda t: page(t, f"datasets/{t.dataset.name}/cases/{t.case.pk}/remove/")(),
        "Ana changed the cases of “dataset mine”: revision {revision}",
    ),
    "metric made": (
        lambda t: page(t, "new-metric/?kind=contains", name="Same", margin="2", mode="all", expected_holds="one")(),
        "Ana made the metric “Same”",
    ),
    "prompt archived": (
        lambda t: page(t, f"prompts/{t.version.prompt.name}/archive/")(),
        "Ana archived the prompt “prompt mine”",
    ),
    "dataset archived": (
        lambda t: page(t, f"datasets/{t.dataset.name}/remove/")(),
        "Ana archived the dataset “dataset mine”",
    ),
    "metric archived": (
        lambda t: page(t, f"metrics/{t.metric.evaluator.name}/remove/")(),
        "Ana archived the metric “metric mine”",
    ),
    "run stopped": (
        lambda t: page(t, f"runs/{t.run.pk}/stop/")(),
        "Ana stopped run {run}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_leaves_one_entry(name: str, tenant: Tenant) -> None:
    act, sentence = ACTIONS[name]
    before = newest().pk
    assert act(tenant).status_code < 400
    tenant.dataset.refresh_from_db()
    said = sentence.format(run=tenant.run.pk, revision=tenant.dataset.revision)
    assert noted_since(before) == said.split("|")
    entry = newest()
    assert (entry.project_id, entry.address) == (tenant.room.project.pk, "127.0.0.1")
    assert len(entry.request_id) == 32


def test_what_was_done_already_is_not_noted_again(tenant: Tenant) -> None:
    prompt, dataset, metric = tenant.version.prompt, tenant.dataset, tenant.metric.evaluator
    for act in (
        lambda: prompt_archive(prompt),
        lambda: prompt_unarchive(prompt),
        lambda: dataset_archive(dataset),
        lambda: dataset_unarchive(dataset),
        lambda: evaluator_archive(metric),
        lambda: run_stop(tenant.run),
        lambda: run_resume(tenant.run),
        lambda: member_set(project=tenant.room.project, user=tenant.member.user, role=Role.EDITOR),
    ):
        before = newest().pk
        act()
        act()
        assert len(noted_since(before)) == 1, noted_since(before)


def test_a_run_says_what_it_asks(tenant: Tenant) -> None:
    entry = AuditEntry.objects.get(project_id=tenant.room.project.pk, kind=AuditKind.RUN)
    assert entry.what == f"started run {tenant.run.pk} of “prompt mine” version 1 on “dataset mine” revision 1"
    assert entry.after == {"answers": 1, "connection": "connection mine", "model": "echo", "budget": "none"}


def test_joining_and_leaving_are_the_persons_own_doing() -> None:
    room, ben = make_room(), make_user(name="Ben")
    offer = invitation_send(project=room.project, email=ben.email, role=Role.EDITOR, invited_by=room.admin)
    before = newest().pk
    invitation_accept(offer, user=ben)
    assert noted_since(before) == ["Ben accepted the invitation to join as editor"]
    assert newest().after == {"e-mail": ben.email, "role": "editor", "invited by": "Ana"}
    member_set(project=room.project, user=ben, role=Role.ADMIN)
    theirs = Client()
    theirs.force_login(ben)
    own = Membership.objects.get(project=room.project, user=ben)
    theirs.post(f"{room.address}settings/members/{own.pk}/", {"role": "viewer"})
    assert str(newest()) == "Ben changed their own role from admin to viewer"
    member_set(project=room.project, user=ben, role=Role.ADMIN)
    theirs.post(f"{room.address}settings/members/{own.pk}/remove/")
    assert str(newest()) == "Ben left the project"


def test_a_new_project_has_one_entry_with_its_admin() -> None:
    before, ana = AuditEntry.objects.count(), make_user(name="Ana")
    project_create(name="Help desk", owner=ana)
    assert AuditEntry.objects.count() == before + 1
    assert newest().after == {"name": "Help desk", "admin": ana.email}


def test_passwords_are_noted_without_saying_them() -> None:
    user = make_user(name="Ben")
    here = Client()
    here.post("/sign-in/", {"username": user.email, "password": "a good password"})
    here.post("/account/password/", {"current": "a good password", "password": PASSWORD})
    assert AuditEntry.objects.filter(user_id=user.pk, action="password_changed").count() == 1
    user.refresh_from_db()
    password_reset(reset_link(user).split("/")[-2], password=PASSWORD + " 2")
    assert str(newest()) == "Ben chose a new password with a mailed link"
    assert newest().project_id is None


def test_signing_out_is_noted_once_with_browser_and_address() -> None:
    user = make_user(name="Ben")
    here = Client(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    here.force_login(user)
    before = newest_pk()
    for _ in range(2):
        assert here.post("/sign-out/").status_code == 302
    assert noted_since(before) == ["Ben signed out"]
    entry = newest()
    assert (entry.user_id, entry.address, entry.after) == (user.pk, "192.0.2.7", {"browser": "Firefox on Linux"})
    assert "_auth_user_id" not in here.session


def test_who_asked_for_a_new_password_is_noted_and_what_was_typed_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops.core.views.forgotten.ask_for_mail", lambda *_task, **_ids: True)
    user, before = make_user(name="Ben"), newest_pk()
    for email in (user.email.upper(), "not-here@example.com"):
        assert Client(REMOTE_ADDR="192.0.2.7").post("/forgotten-password/", {"email": email}).status_code == 200
    assert noted_since(before) == [
        f"Somebody asked for a link to a new password for {user.email}",
        "Somebody asked for a link to a new password for an account that does not exist",
    ]
    assert {entry.address for entry in AuditEntry.objects.filter(pk__gt=before, action="reset_asked")} == {"192.0.2.7"}


# -- secrets --------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_entry() -> None:
    room = make_room()
    made = make_connection(room.project, name="vendor", vendor=Vendor.OPENAI, api_key=KEY)
    url = f"{room.address}models/vendor/edit/"
    assert room.client.post(url, {"name": "vendor", "api_key": KEY + "2"}).status_code == 302
    entry = newest()
    assert str(entry) == "Ana gave a new key to the connection “vendor”"
    assert (entry.before, entry.after) == ({"key": "stored"}, {"key": "replaced"})
    key = api_key_create(project=room.project, name="CI", scopes=[Scope.READ])
    invitation_send(project=room.project, email="new@example.com", role=Role.VIEWER)
    user_create_admin(email="root@example.com", password=PASSWORD)
    audit_note(AuditKind.PROJECT, "made", f"typed {key.text}", after={"password": PASSWORD, "text": f"Bearer {KEY}"})
    made.refresh_from_db()
    serial = Invitation.objects.get(project=room.project).serial
    text = repr(list(AuditEntry.objects.values()))
    for secret in (KEY, key.text, key.text.split("_", 2)[-1], key.row.secret_hash, PASSWORD, serial):
        assert secret not in text


def test_a_changed_connection_says_what_changed_and_no_more() -> None:
    room: Room = make_room()
    room.practice(name="practice", model="echo")
    before = newest().pk
    for _ in range(2):
        assert (
            room.client.post(
                f"{room.address}models/practice/edit/", {"name": "practice", "default_model": "banker"}
            ).status_code
            == 302
        )
    assert noted_since(before) == ["Ana changed the connection “practice”"]
    assert (newest().before, newest().after) == ({"model to begin with": "echo"}, {"model to begin with": "banker"})
