"""`llmops backup` and `llmops restore`: R43 of RELIABILITY, over two databases of one server."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from psycopg import sql
from pytest_django import Settings

from evals_app.models import Run, Score
from llmops.backup import CannotRestore, NoBackup, dump, restore, schema
from llmops.backup import archive as archives
from llmops.cli import main
from llmops.core.encrypted import count_unreadable
from llmops.core.encryption import decrypt
from llmops.core.models import AuditEntry, Connection, Project, SignIn
from llmops.core.selectors.readiness import migrations_pending
from llmops.core.services import ledger_partitions_ensure
from llmops.home import new_field_key
from llmops.providers.base import Vendor
from tests.core.factories import make_connection, make_room
from tests.evals_app.factories import World, calls_of, drive, make_world, states_of
from tests.jobs.processes import database_url
from tests.jobs.servers import orm_over

ROOT = Path(__file__).resolve().parents[2]
SECRET = "sk-" + "k" * 40
NOT_COMPARED = ("core_signin", "django_session", "django_migrations")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@dataclass(frozen=True)
class Place:
    """A database and the machine of whoever looks after it."""

    url: str
    home: Path

    def llmops(self, *words: str, typed: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "llmops.cli", *words],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": self.url, "LLMOPS_HOME": str(self.home), **environment},
            input=typed,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def restore(self, file: Path, *, force: bool = False) -> None:
        with orm_over(self.url):
            restore(file, force=force)

    def tables(self) -> dict[str, tuple[int, str]]:
        """Rows and a checksum of each table, by a way of its own."""
        with psycopg.connect(self.url) as database:
            names = database.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
                " AND table_type = 'BASE TABLE' AND table_name <> ALL (%s) ORDER BY 1",
                [list(NOT_COMPARED)],
            ).fetchall()
            query = "SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} t"
            return {name: database.execute(sql.SQL(query).format(sql.Identifier(name))).fetchone() for (name,) in names}


@pytest.fixture
def here(tmp_path: Path) -> Place:
    """The database of the tests."""
    return Place(database_url(), tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Place]:
    """A new and empty database on the same server."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
    yield Place(urlunsplit(urlsplit(database_url())._replace(path=f"/{name}")), tmp_path / "there")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def world() -> World:
    """A project with a finished run, awkward texts, a stored key and a row that was deleted."""
    world = make_world(n_cases=5)
    ledger_partitions_ensure()
    world.run()
    drive()
    make_connection(world.project, vendor=Vendor.OPENAI, api_key=SECRET)
    Project.objects.filter(pk=world.project.pk).update(name="tab\t, new\nline, back\\slash, \\N, ünïcode 🎈")
    make_connection(make_room().project).delete()
    return world


@pytest.fixture
def backup(world: World, tmp_path: Path) -> Path:
    dump(tmp_path / "backup")
    return tmp_path / "backup"


def run_there(there: Place, world: World) -> None:
    """A run can start and end in the restored database, and what it makes has numbers of its own."""
    with orm_over(there.url):
        stored = Connection.objects.get(project=world.project, vendor=Vendor.OPENAI)
        assert decrypt(stored.api_key_encrypted) == SECRET
        assert not SignIn.objects.exists(), "a backup signs nobody in"
        with pytest.raises(DatabaseError, match="never changed"):
            AuditEntry.objects.all().delete()
        run = world.run()
        drive()
        assert states_of(run) == {"done": 5}
        assert (Run.objects.count(), Score.objects.count()) == (2, 10)
        assert len(calls_of(run)) == 5


def test_r43_everything_comes_back_on_a_new_machine(here: Place, there: Place, world: World) -> None:
    """The real commands; the keys come with the backup and stand behind those that the new machine made."""
    here.home.mkdir()
    made = here.llmops("backup", "-", "--with-keys")
    assert made.returncode == 0, made.stderr
    assert b"Whoever has this file can read the stored keys" in made.stderr
    assert [path.name for path in here.home.iterdir() if path.name != "run"] == []

    back = there.llmops("restore", "-", typed=made.stdout, LLMOPS_FIELD_KEYS="", LLMOPS_SECRET_KEY="")
    assert back.returncode == 0, back.stderr
    assert back.stdout.startswith(b"Everything is as it was at 20")
    written, arrived = here.tables(), there.tables()
    assert arrived == written
    assert written["core_modelcall"][0] >= 5
    run_there(there, world)

    secrets = there.home / "secrets"
    own, brought = (secrets / "field-key").read_text().strip().split(",")
    assert (own != brought, brought) == (True, os.environ["LLMOPS_FIELD_KEYS"])
    assert (secrets / "secret-key").read_text().strip() == os.environ["LLMOPS_SECRET_KEY"]


def test_r43_without_the_encryption_keys_it_says_what_to_do_and_changes_nothing(
    there: Place, world: World, backup: Path, settings: Settings
) -> None:
    settings.FIELD_KEYS = (new_field_key(),)
    with pytest.raises(CannotRestore, match=r"^1 stored key of the backup cannot be read.*Set LLMOPS_FIELD_KEYS to"):
        there.restore(backup)
    assert there.tables() == {}


def test_a_database_in_use_is_left_alone(
    there: Place, backup: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGAPPNAME", "the command sets it")
    with orm_over(there.url), psycopg.connect(there.url, application_name="a worker"):
        assert main(["restore", str(backup)]) == 1
    assert "the database is in use (1 sessions): stop web, workers and beat first" in capsys.readouterr().err
    assert there.tables() == {}


def test_rows_that_are_there_are_replaced_only_by_force(here: Place, there: Place, world: World, backup: Path) -> None:
    there.restore(backup)
    with psycopg.connect(there.url) as database:
        database.execute("UPDATE core_project SET name = 'changed'")
        database.execute("CREATE TABLE of_a_failed_release (id int)")
    before = there.tables()
    with pytest.raises(CannotRestore, match=r"^the database is not empty \(there are rows in .*--force"):
        there.restore(backup)
    assert there.tables() == before
    there.restore(backup, force=True)
    assert there.tables() == here.tables()


def test_triggers_that_forbid_changes_rest_while_rows_arrive_and_watch_again_afterwards(
    there: Place, world: World, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables = schema.make_tables

    def make_tables_with_a_trigger(migrations: schema.Migrations) -> None:
        make_tables(migrations)
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;"
                "CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON core_project FOR EACH ROW EXECUTE FUNCTION refuse();"
            )

    monkeypatch.setattr(schema, "make_tables", make_tables_with_a_trigger)
    there.restore(backup)
    with psycopg.connect(there.url) as database, pytest.raises(psycopg.errors.RaiseException, match="never"):
        database.execute("DELETE FROM core_project")


def test_r43_a_backup_is_of_one_moment_however_much_is_written_meanwhile(
    here: Place, there: Place, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second session writes and deletes between any two tables."""
    written = here.tables()
    add_table = archives.ArchiveWriter.add_table

    def add_table_and_interfere(self: archives.ArchiveWriter, *about: Any) -> archives.Table:
        table = add_table(self, *about)
        with psycopg.connect(here.url) as other:
            other.execute("DELETE FROM evals_app_score WHERE id = (SELECT max(id) FROM evals_app_score)")
            other.execute("INSERT INTO core_heartbeat (name, seen_at) VALUES (gen_random_uuid()::text, now())")
            other.execute("SELECT nextval(pg_get_serial_sequence('core_project', 'id'))")
        return table

    with monkeypatch.context() as patch:
        patch.setattr(archives.ArchiveWriter, "add_table", add_table_and_interfere)
        dump(tmp_path / "backup")
    assert here.tables() != written
    there.restore(tmp_path / "backup")
    assert there.tables() == written


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_bit_other(content: bytes) -> bytes:
    at = content.index(b"tables/evals_app_result.copy") + 100
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def a_spreadsheet(_: bytes) -> bytes:
    return b"name,age\n"


@pytest.mark.parametrize("damage", [cut_off, one_bit_other, a_spreadsheet])
def test_damaged_files_are_refused_before_anything_is_touched(
    there: Place, world: World, backup: Path, damage: Callable[[bytes], bytes]
) -> None:
    backup.write_bytes(damage(backup.read_bytes()))
    with pytest.raises(NoBackup, match=r"damaged|is no backup"):
        there.restore(backup, force=True)
    assert there.tables() == {}


def test_rows_that_were_exchanged_are_known_by_their_checksum(
    there: Place, world: World, backup: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    with zipfile.ZipFile(backup) as whole, zipfile.ZipFile(other, "w") as changed:
        for name in whole.namelist():
            content = whole.read(name)
            changed.writestr(name, content.replace(b"text 3", b"text 4") if "caseversion" in name else content)
    with pytest.raises(NoBackup, match="the rows of evals_app_caseversion are not those that were written"):
        there.restore(other)


def test_a_backup_of_a_newer_release_is_refused(there: Place, world: World, tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('core', '9999_later', now())")
        try:
            dump(tmp_path / "backup")
        finally:
            cursor.execute("DELETE FROM django_migrations WHERE name = '9999_later'")
    with pytest.raises(CannotRestore, match=r"core\.9999_later.*install that release or a newer one"):
        there.restore(tmp_path / "backup")


def test_a_backup_of_an_older_release_is_brought_to_this_one(there: Place, tmp_path: Path) -> None:
    """Its rows arrive in the tables of then; the migrations that came since are applied to them."""
    with orm_over(there.url):
        call_command("migrate", verbosity=0)
        call_command("migrate", "evals_app", "0001", verbosity=0)
        dump(tmp_path / "backup")
        restore(tmp_path / "backup", force=False)
        assert migrations_pending() == []
        assert make_world(n_cases=3).run().n_results == 3


def test_what_a_backup_says_and_where_it_cannot_be_written(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGAPPNAME", "the command sets it")
    assert main(["backup", str(tmp_path / "backup")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "Not in it: the encryption keys (LLMOPS_FIELD_KEYS, or the folder secrets of LLMOPS_HOME)." in said
    assert "and the weights of models" in said
    assert [path.name for path in tmp_path.iterdir()] == ["backup"], "the draft is gone"
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(tmp_path / "backup") as container:
        assert " ".join(container.read("README.txt").decode().split()) in said
        assert [name for name in container.namelist() if "secret" in name] == []
    assert main(["backup", str(tmp_path / "nowhere" / "backup")]) == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


def test_an_empty_database_has_nothing_for_a_backup(
    there: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGAPPNAME", "the command sets it")
    with orm_over(there.url):
        assert main(["backup", str(tmp_path / "backup")]) == 1
    assert capsys.readouterr().err == "llmops: the database is empty: there is nothing to put into a backup.\n"
    assert list(tmp_path.iterdir()) == []


def test_r40_keys_are_encrypted_anew_and_all_of_them_stay_readable(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGAPPNAME", "the command sets it")
    old, new = *settings.FIELD_KEYS, new_field_key()
    settings.FIELD_KEYS = (new,)
    assert main(["rotate-keys"]) == 1
    assert "1 cannot be read and stay as they are" in capsys.readouterr().out
    settings.FIELD_KEYS = (new, old)
    assert main(["rotate-keys"]) == 0
    assert capsys.readouterr().out.startswith("1 stored key is encrypted with the newest")
    settings.FIELD_KEYS = (new,)
    assert count_unreadable() == 0
    assert decrypt(Connection.objects.get(project=world.project, vendor=Vendor.OPENAI).api_key_encrypted) == SECRET
