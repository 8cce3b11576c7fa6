"""From a file into the database. Everything that can be known beforehand is looked at before anything is touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from psycopg import sql

from llmops.backup import catalog, schema
from llmops.backup.archive import ArchiveReader, Manifest, Table, Tally, open_archive
from llmops.backup.dump import copied
from llmops.core.encryption import KeyLost, decrypt

_MADE_BY_DJANGO = {schema.BOOKKEEPING, "django_content_type", "auth_permission"}
_BOUND = re.compile(r"DEFAULT|FOR VALUES FROM \('[\d :+.-]+'\) TO \('[\d :+.-]+'\)")
_ESCAPED_HEX = b"\\\\x"  # how COPY writes the beginning of bytes
_EMPTY = {b"\\N", _ESCAPED_HEX}


class CannotRestore(Exception):
    """Why not, and what to do."""


def restore(path: Path, *, force: bool) -> Manifest:
    """Make the database what it was, and then bring it to this release.

    With `force` whatever it holds is gone. Rows arrive in one transaction and are compared with what was written:
    when it fails they are not there. Raises CannotRestore and NoBackup, before anything is touched unless the
    database itself fails.
    """
    with open_archive(path) as archive:
        _check_release(archive.manifest)
        _check_file(archive)
        with connection.cursor() as cursor:
            _check_database(cursor, force=force)
            with transaction.atomic():
                catalog.drop_everything(cursor)
        schema.make_tables(archive.manifest.migrations)
        with transaction.atomic(), connection.cursor() as cursor:
            _load(cursor, archive)
    call_command("migrate", interactive=False, verbosity=0)
    return archive.manifest


def _check_release(manifest: Manifest) -> None:
    if unknown := schema.unknown(manifest.migrations):
        raise CannotRestore(
            f"the backup is of release {manifest.release}, which has migrations that this one has not"
            f" ({', '.join(unknown[:3])}): install that release or a newer one."
        )
    for partition in manifest.partitions:
        if not _BOUND.fullmatch(partition.bound):
            raise CannotRestore(f"the backup has a partition that is none of ours ({partition.name}).")


def _check_file(archive: ArchiveReader) -> None:
    """Read all of it once: nothing is damaged, and the stored keys of vendors can be read here."""
    n_unreadable = 0
    for table in archive.manifest.tables:
        encrypted = [at for at, name in enumerate(table.columns) if name.endswith("_encrypted")]
        for row in archive.checked_rows(table):
            values = row.rstrip(b"\n").split(b"\t") if encrypted else []
            n_unreadable += sum(not _is_readable(values[at]) for at in encrypted)
    if n_unreadable:
        what = "1 stored key" if n_unreadable == 1 else f"{n_unreadable} stored keys"
        raise CannotRestore(
            f"{what} of the backup cannot be read with the encryption keys of this machine; nothing was changed."
            " Set LLMOPS_FIELD_KEYS to the keys of the machine that it comes from (there they are in LLMOPS_FIELD_KEYS,"
            " or in the file secrets/field-key of LLMOPS_HOME), and run this again."
        )


def _is_readable(value: bytes) -> bool:
    if value in _EMPTY:
        return True
    try:
        decrypt(bytes.fromhex(value.removeprefix(_ESCAPED_HEX).decode()))
    except KeyLost:
        return False
    return True


def _check_database(cursor: Any, *, force: bool) -> None:
    filled = [name for name in catalog.tables_with_rows(cursor) if name not in _MADE_BY_DJANGO]
    if filled and not force:
        raise CannotRestore(
            f"the database is not empty (there are rows in {', '.join(filled[:3])}{' and more' if filled[3:] else ''})."
            " With --force everything in it is replaced; make a backup of it first."
        )
    if at_work := catalog.others_at_work(cursor):
        raise CannotRestore(
            f"the database is in use ({at_work} sessions):"
            " stop web, workers and beat first, and a pooler if there is one."
        )


def _load(cursor: Any, archive: ArchiveReader) -> None:
    catalog.use_one_way_of_writing(cursor)
    _make_partitions(cursor, archive.manifest)
    names = [table.name for table in archive.manifest.tables]
    resting = [(name, trigger) for name in names for trigger in catalog.triggers_of(cursor, name)]
    _switch_triggers(cursor, resting, "DISABLE")
    for table in archive.manifest.tables:
        cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))  # what migrations put there
        with archive.rows_of(table) as rows, cursor.copy(catalog.copy_in(table)) as copy:
            while piece := rows.read(1 << 18):
                copy.write(piece)
    for name, (last, given_out) in archive.manifest.sequences.items():
        cursor.execute("SELECT setval(quote_ident(%s)::regclass, %s, %s)", [name, last, given_out])
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _switch_triggers(cursor, resting, "ENABLE")
    _compare(cursor, archive.manifest.tables)


def _make_partitions(cursor: Any, manifest: Manifest) -> None:
    there = {partition.name for partition in catalog.partitions(cursor)}
    for partition in manifest.partitions:
        if partition.name not in there:
            statement = sql.SQL("CREATE TABLE {} PARTITION OF {} {}").format(
                sql.Identifier(partition.name),
                sql.Identifier(partition.of),
                sql.SQL(partition.bound),  # looked at by _check_release
            )
            cursor.execute(statement)


def _switch_triggers(cursor: Any, triggers: list[tuple[str, str]], how: str) -> None:
    """Those that forbid or add something would do so with rows that passed them already."""
    for table, name in triggers:
        statement = "ALTER TABLE {} ENABLE TRIGGER {}" if how == "ENABLE" else "ALTER TABLE {} DISABLE TRIGGER {}"
        cursor.execute(sql.SQL(statement).format(sql.Identifier(table), sql.Identifier(name)))


def _compare(cursor: Any, tables: list[Table]) -> None:
    """The database gives out exactly what was put in."""
    there = {shape.name: shape for shape in catalog.shapes(cursor)}
    for table in tables:
        shape = there[table.name]._replace(columns=table.columns)
        tally = Tally()
        for piece in copied(cursor, shape.copy_out()):
            tally.add(piece)
        if not tally.agrees_with(table):
            raise CannotRestore(f"{table.name} did not arrive as it was written; nothing was put into the database.")
