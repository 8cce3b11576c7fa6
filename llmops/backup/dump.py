"""From the database into a file: one snapshot, however much is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from llmops.backup import catalog
from llmops.backup.archive import Manifest, new_archive
from llmops.backup.schema import BOOKKEEPING, applied

# Who was signed in then need not be signed in again, and may have been locked out since.
LEFT_OUT = ["core_signin", "django_session"]


class NothingThere(Exception):
    """The database has no tables of ours."""


def dump(path: Path, *, keys: Mapping[str, str] | None = None) -> Manifest:
    """Write everything to `path`, which appears when it is whole. `keys` go in as they are, readable by whoever has it.

    Nobody waits for it and it waits for nobody; everything in it is of one moment. Raises NothingThere.
    """
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    with new_archive(path) as archive, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        catalog.use_one_way_of_writing(cursor)
        shapes = catalog.shapes(cursor)
        if BOOKKEEPING not in {shape.name for shape in shapes}:
            raise NothingThere
        tables = [
            archive.add_table(shape.name, shape.columns, copied(cursor, shape.copy_out()))
            for shape in shapes
            if shape.name not in (BOOKKEEPING, *LEFT_OUT)
        ]
        manifest = Manifest(
            release=version("llmops"),
            made_at=made_at,
            postgres=_value(cursor, "SELECT current_setting('server_version')"),
            migrations=applied(cursor),
            tables=tables,
            partitions=catalog.partitions(cursor),
            sequences=catalog.sequences(cursor),  # of now, not of the snapshot: no number is given out twice
            left_out=LEFT_OUT,
        )
        archive.add_keys(keys or {})
        archive.finish(manifest, in_words(manifest, with_keys=bool(keys)))
    return manifest


def in_words(manifest: Manifest, *, with_keys: bool) -> str:
    """What is in a backup and what is not, for whoever makes or finds one."""
    return (_HEAD + (_WITH_KEYS if with_keys else _WITHOUT_KEYS) + _TAIL).format(
        release=manifest.release, made_at=manifest.made_at, rows=manifest.rows, tables=len(manifest.tables)
    )


_HEAD = """\
llmops {release}, as it was at {made_at}: {rows} rows of {tables} tables.
In it: everything that the database holds: people, prompts, datasets, metrics, runs, results, the ledger of model calls.
"""
_WITH_KEYS = """\
In it as well: the encryption keys. Whoever has this file can read the stored keys of model vendors: keep it as secret.
"""
_WITHOUT_KEYS = """\
Not in it: the encryption keys (LLMOPS_FIELD_KEYS, or the folder secrets of LLMOPS_HOME). Without them the stored keys
of model vendors cannot be read: keep them elsewhere, or make the backup with --with-keys.
"""
_TAIL = """\
Not in it: who was signed in, files uploaded but not imported yet, logs, the settings of the environment, and the
weights of models. `llmops restore FILE` brings it back.
"""


def copied(cursor: Any, query: sql.Composed) -> Iterator[bytes]:
    with cursor.copy(query) as copy:
        for block in copy:
            yield bytes(block)


def _value(cursor: Any, query: str) -> str:
    cursor.execute(query)
    return str(cursor.fetchone()[0])
