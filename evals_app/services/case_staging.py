"""Writing many cases at once: rows go into a temporary table by COPY, and a few statements do the rest.

So an import costs the memory of one row at a time, and what comes twice is found by the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, CaseVersion, Dataset
from evals_app.services.case_checks import content_of, identity_of

CASES = Case._meta.db_table
VERSIONS = CaseVersion._meta.db_table
_COLUMNS = (
    "row", "identity", "key", "inputs", "expected", "reference", "previous", "feedback", "tags", "case_group",
    "metadata", "content_hash",
)  # fmt: skip


class Twin(NamedTuple):
    """A row that is the same case as an earlier one."""

    row: int
    before: int
    key: str


class Merged(NamedTuple):
    """How many staged rows were new, changed and the same as before."""

    added: int
    updated: int
    unchanged: int


def stage_open() -> None:
    """Make the empty temporary table of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.case_stage, pg_temp.case_change")
        cursor.execute(
            """CREATE TEMPORARY TABLE case_stage (
                   row bigint, identity text, key text, inputs jsonb, expected text, reference text, previous text,
                   feedback text, tags text[], case_group text, metadata jsonb, content_hash text
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
        cursor.execute("ANALYZE case_stage (identity)")
        cursor.execute(
            """SELECT row, before, key FROM (
                   SELECT row, key, min(row) OVER (PARTITION BY identity) AS before FROM case_stage
               ) AS numbered WHERE row > before ORDER BY row LIMIT %s""",
            [most],
        )
        return [Twin(*found) for found in cursor.fetchall()]


def stage_merge(dataset: Dataset, *, revision: int) -> Merged:
    """Make the staged rows part of the dataset from `revision` on, and drop the table.

    New cases get the next positions in the order of their rows; changed ones keep theirs.
    The dataset's row must be locked.
    """
    with connection.cursor() as cursor:
        _add_cases(cursor, dataset)
        merged = _compare(cursor, dataset)
        if merged.updated:
            cursor.execute(
                f"UPDATE {VERSIONS} AS version SET until = %s FROM case_change AS change "  # noqa: S608  our own table
                "WHERE version.id = change.before_id AND NOT change.same",
                [revision],
            )
        if merged.added or merged.updated:
            _add_versions(cursor, dataset, revision)
        cursor.execute("DROP TABLE case_stage, case_change")
    return merged


def _add_cases(cursor: Any, dataset: Dataset) -> None:
    cursor.execute(
        f"""INSERT INTO {CASES} (dataset_id, identity, key, created_at)
            SELECT %s, identity, key, %s FROM case_stage AS stage
            WHERE NOT EXISTS (SELECT FROM {CASES} WHERE dataset_id = %s AND identity = stage.identity)
            ORDER BY row
            ON CONFLICT (dataset_id, identity) DO NOTHING""",  # noqa: S608  our own table
        [dataset.pk, timezone.now(), dataset.pk],
    )


def _compare(cursor: Any, dataset: Dataset) -> Merged:
    """Find each staged row's case and current version."""
    cursor.execute(
        f"""CREATE TEMPORARY TABLE case_change ON COMMIT DROP AS
            SELECT stage.row, found.id AS case_id, version.id AS before_id, version.position AS before_position,
                   coalesce(version.content_hash = stage.content_hash, false) AS same
            FROM case_stage AS stage
            JOIN {CASES} AS found ON found.dataset_id = %s AND found.identity = stage.identity
            LEFT JOIN {VERSIONS} AS version ON version.case_id = found.id AND version.until IS NULL""",  # noqa: S608
        [dataset.pk],
    )
    cursor.execute(
        """SELECT count(*) FILTER (WHERE before_id IS NULL),
                  count(*) FILTER (WHERE before_id IS NOT NULL AND NOT same),
                  count(*) FILTER (WHERE same)
           FROM case_change"""
    )
    return Merged(*cursor.fetchone())


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


def _staged(number: int, row: CaseRow) -> tuple[Any, ...]:
    content = content_of(row)
    return (
        number,
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
