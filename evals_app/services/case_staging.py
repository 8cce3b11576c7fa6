"""Writing many cases at once: rows go into a temporary table by COPY, and a few statements do the rest.

So an import costs the memory of one row at a time, and what comes twice is found by the database. Rows are first
matched with the cases that are there (`stage_match`); then they can be listed, or be merged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from evals_app.choices import CaseChange
from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, CaseVersion, Dataset
from evals_app.services.case_checks import content_of, identity_of
from evals_app.services.case_identities import identities_give, identities_open

CASES = Case._meta.db_table
VERSIONS = CaseVersion._meta.db_table
_COLUMNS = (
    "row", "ref", "identity", "key", "inputs", "expected", "reference", "previous", "feedback", "tags", "case_group",
    "metadata", "content_hash",
)  # fmt: skip
_CHANGES = f"""
    SELECT CASE WHEN change.before_id IS NULL THEN '{CaseChange.ADDED}' ELSE '{CaseChange.CHANGED}' END AS kind,
           change.row, change.before_id, change.moved, stage.key, stage.inputs, stage.expected, stage.reference,
           stage.previous, stage.feedback, stage.tags, stage.case_group, stage.metadata
    FROM case_change AS change JOIN case_stage AS stage ON stage.row = change.row
    WHERE NOT change.same ORDER BY change.row"""  # noqa: S608  our own words


class Twin(NamedTuple):
    """A row that is the same case as an earlier one."""

    row: int
    before: int
    key: str


class Matched(NamedTuple):
    """How many staged rows are new, changed and the same as before; how many cases are in no row.

    `moved` of the changed ones were changed by somebody else since the rows were written down.
    """

    added: int
    updated: int
    unchanged: int
    missing: int
    moved: int


def stage_open() -> None:
    """Make the empty temporary table of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.case_stage, pg_temp.case_change")
        cursor.execute(
            """CREATE TEMPORARY TABLE case_stage (
                   row bigint, ref bigint, identity text, key text, inputs jsonb, expected text, reference text,
                   previous text, feedback text, tags text[], case_group text, metadata jsonb, content_hash text
               ) ON COMMIT DROP"""
        )


def stage_fill(rows: Iterable[tuple[int, CaseRow]]) -> int:
    """Copy numbered rows, which must have been checked, into the table. Gives their number."""
    n_rows = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY case_stage ({', '.join(_COLUMNS)}) FROM STDIN") as copy,
    ):
        for number, row in rows:
            copy.write_row(_staged(number, row))
            n_rows += 1
    return n_rows


def stage_twins(*, most: int) -> list[Twin]:
    """The first rows that come twice, each with the row that had its key or inputs before."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE case_stage (identity, ref)")
        cursor.execute(
            """SELECT row, before, key FROM (
                   SELECT row, key, min(row) OVER (PARTITION BY identity) AS before FROM case_stage
               ) AS numbered WHERE row > before ORDER BY row LIMIT %s""",
            [most],
        )
        return [Twin(*found) for found in cursor.fetchall()]


def stage_match(dataset: Dataset, *, base: int | None = None) -> Matched:
    """Find each staged row's case and what it is now. A row that names a case (`ref`) is that one, whatever it says.

    With `base`, the revision that the rows were written down at, a row that says what its case said then is the
    same: nobody edited it, and what others did to the case since stays. The dataset's row must be locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE TEMPORARY TABLE case_change ON COMMIT DROP AS
                SELECT stage.row, own.id AS case_id, version.id AS before_id, version.position AS before_position,
                       coalesce(own.key = stage.key AND (
                           version.content_hash = stage.content_hash OR base.content_hash = stage.content_hash
                       ), false) AS same,
                       coalesce(version.since > %s, false) AS moved
                FROM case_stage AS stage
                LEFT JOIN {CASES} AS named ON named.id = stage.ref AND named.dataset_id = %s
                LEFT JOIN {CASES} AS alike ON named.id IS NULL AND alike.dataset_id = %s
                    AND alike.identity = stage.identity
                    AND NOT EXISTS (SELECT FROM case_stage AS other WHERE other.ref = alike.id)
                LEFT JOIN {CASES} AS own ON own.id = coalesce(named.id, alike.id)
                LEFT JOIN {VERSIONS} AS version ON version.case_id = own.id AND version.until IS NULL
                LEFT JOIN {VERSIONS} AS base ON base.case_id = named.id AND base.since <= %s
                    AND (base.until IS NULL OR base.until > %s)""",  # noqa: S608  our own tables
            [base, dataset.pk, dataset.pk, base, base],
        )
        cursor.execute("ANALYZE case_change")
        cursor.execute(
            """SELECT count(*) FILTER (WHERE before_id IS NULL AND NOT same),
                      count(*) FILTER (WHERE before_id IS NOT NULL AND NOT same),
                      count(*) FILTER (WHERE same), count(*) FILTER (WHERE moved AND NOT same)
               FROM case_change"""
        )
        added, updated, unchanged, moved = cursor.fetchone()
        found, parameters = _missing(dataset, base)
        cursor.execute(f"SELECT count(*) FROM ({found}) AS missing", parameters)  # noqa: S608
        return Matched(added, updated, unchanged, cursor.fetchone()[0], moved)


def stage_changes() -> Iterator[tuple[Any, ...]]:
    """What the matched rows would change, in their order: kind, row, version before, moved, key and the content.

    Inputs and metadata are JSON.
    """
    with connection.cursor() as cursor, cursor.copy(f"COPY ({_CHANGES}) TO STDOUT") as copy:
        copy.set_types(_CHANGE_TYPES)
        yield from copy.rows()


def stage_missing(dataset: Dataset, *, base: int | None) -> list[int]:
    """The current versions of the cases that are in no row, in the dataset's order."""
    with connection.cursor() as cursor:
        found, parameters = _missing(dataset, base)
        cursor.execute(f"{found} ORDER BY version.position", parameters)
        return [pk for (pk,) in cursor.fetchall()]


def stage_moves_names() -> bool:
    """Whether a row gives the case that it names another key or other inputs, which may be those of a third one."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT EXISTS (
                    SELECT FROM case_stage AS stage JOIN case_change AS change ON change.row = stage.row
                    JOIN {CASES} AS own ON own.id = change.case_id
                    WHERE NOT change.same AND own.identity <> stage.identity
                )"""  # noqa: S608  our own table
        )
        return bool(cursor.fetchone()[0])


def stage_merge(dataset: Dataset, *, revision: int, remove_missing: bool = False, base: int | None = None) -> int:
    """Make the matched rows part of the dataset from `revision` on; gives how many cases were taken out.

    New cases get the next positions in the order of their rows; changed ones keep theirs. The dataset's row must be
    locked. Raises WrongCases when a case would have the key or the inputs of another one.
    """
    removed = 0
    with connection.cursor() as cursor:
        if remove_missing:
            found, parameters = _missing(dataset, base)
            cursor.execute(f"UPDATE {VERSIONS} SET until = %s WHERE id IN ({found})", [revision, *parameters])  # noqa: S608
            removed = cursor.rowcount
        cursor.execute(
            f"UPDATE {VERSIONS} AS version SET until = %s FROM case_change AS change "  # noqa: S608  our own table
            "WHERE version.id = change.before_id AND NOT change.same",
            [revision],
        )
        _add_cases(cursor, dataset)
        _add_versions(cursor, dataset, revision)
        _give_identities(cursor, dataset)
    return removed


def stage_close() -> None:
    """Drop the tables before the transaction ends, so that another change can be made in it."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE case_stage, case_change")


_CHANGE_TYPES = (
    "text", "int8", "int8", "bool", "text", "text", "text", "text", "text", "text", "text[]", "text", "text",
)  # fmt: skip


def _missing(dataset: Dataset, base: int | None) -> tuple[str, list[Any]]:
    """A statement that gives the current versions of cases which no row is, but for those that came after `base`."""
    sql = f"""SELECT version.id FROM {VERSIONS} AS version
              WHERE version.dataset_id = %s AND version.until IS NULL
                AND NOT EXISTS (SELECT FROM case_change WHERE case_id = version.case_id)"""  # noqa: S608  our own table
    if base is None:
        return sql, [dataset.pk]
    there = f"EXISTS (SELECT FROM {VERSIONS} AS old WHERE old.case_id = version.case_id AND old.since <= %s)"
    return f"{sql} AND {there}", [dataset.pk, base]


def _add_cases(cursor: Any, dataset: Dataset) -> None:
    """A case for each row that has none yet; one whose identity is another's still waits for it under its row."""
    cursor.execute(
        f"""INSERT INTO {CASES} (dataset_id, identity, key, created_at)
            SELECT %s, CASE WHEN holder.id IS NULL THEN stage.identity ELSE 'row:' || stage.row END, stage.key, %s
            FROM case_stage AS stage JOIN case_change AS change ON change.row = stage.row
            LEFT JOIN {CASES} AS holder ON holder.dataset_id = %s AND holder.identity = stage.identity
            WHERE change.case_id IS NULL
            ORDER BY stage.row""",  # noqa: S608  our own table
        [dataset.pk, timezone.now(), dataset.pk],
    )
    cursor.execute(
        f"""UPDATE case_change AS change SET case_id = added.id
            FROM case_stage AS stage JOIN {CASES} AS added ON added.dataset_id = %s
                AND added.identity IN (stage.identity, 'row:' || stage.row)
            WHERE change.case_id IS NULL AND stage.row = change.row
              AND NOT EXISTS (SELECT FROM case_change AS other WHERE other.case_id = added.id)""",  # noqa: S608
        [dataset.pk],
    )


def _add_versions(cursor: Any, dataset: Dataset, revision: int) -> None:
    cursor.execute(
        f"""INSERT INTO {VERSIONS} (dataset_id, case_id, since, inputs, expected, reference, previous, feedback,
                                    tags, "group", metadata, position, content_hash)
            SELECT %s, change.case_id, %s, stage.inputs, stage.expected, stage.reference, stage.previous,
                   stage.feedback, stage.tags, stage.case_group, stage.metadata,
                   coalesce(change.before_position, last.position + row_number() OVER (
                       PARTITION BY change.before_position IS NULL ORDER BY stage.row
                   )),
                   stage.content_hash
            FROM case_stage AS stage
            JOIN case_change AS change ON change.row = stage.row AND NOT change.same
            CROSS JOIN (
                SELECT coalesce(max(position), 0) AS position FROM {VERSIONS} WHERE dataset_id = %s
            ) AS last""",  # noqa: S608  our own table
        [dataset.pk, revision, dataset.pk],
    )


def _give_identities(cursor: Any, dataset: Dataset) -> None:
    identities_open()
    cursor.execute(
        f"""INSERT INTO case_wanted (case_id, identity, key, row)
            SELECT own.id, stage.identity, stage.key, stage.row
            FROM case_stage AS stage JOIN case_change AS change ON change.row = stage.row AND NOT change.same
            JOIN {CASES} AS own ON own.id = change.case_id AND own.identity <> stage.identity"""  # noqa: S608
    )
    identities_give(dataset)


def _staged(number: int, row: CaseRow) -> tuple[Any, ...]:
    content = content_of(row)
    return (
        number,
        row.case,
        identity_of(row),
        row.key or "",
        json.dumps(content["inputs"], ensure_ascii=False),
        content["expected"],
        content["reference"],
        content["previous"],
        content["feedback"],
        content["tags"],
        content["group"],
        json.dumps(content["metadata"], ensure_ascii=False) if content["metadata"] else "{}",
        content["content_hash"],
    )
