"""What differs between two revisions of a dataset: counted, and page by page.

Only rows of cases that came or went between the two are looked at, so it costs what changed, not what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from evals_app.choices import CaseChange
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.case_texts import text_parameters, text_sql

CHANGES_PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class Between:
    """Two revisions: the state `before` and the state `after`. Either may be the older one."""

    dataset: Dataset
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Changed:
    """One case that differs, as it is on both sides; None where it is not there."""

    case_id: int
    position: int
    kind: CaseChange
    before: CaseVersion | None
    after: CaseVersion | None


class ChangeCounts(NamedTuple):
    """How many cases the later side has more, otherwise and less."""

    added: int
    changed: int
    removed: int

    @property
    def all(self) -> int:
        return self.added + self.changed + self.removed


class ChangesPage(NamedTuple):
    """Some changes in the dataset's order, and the positions after and before which they go on."""

    rows: list[Changed]
    next_after: int | None
    previous_before: int | None


def change_counts(between: Between, *, search: str = "") -> ChangeCounts:
    """How many cases differ; with `search`, of those with this text on either side."""
    sql, parameters = differences(between, search=search)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT kind, count(*) FROM ({sql}) AS difference GROUP BY kind", parameters)  # noqa: S608
        found: dict[str, int] = dict(cursor.fetchall())
    return ChangeCounts(*(found.get(kind, 0) for kind in (CaseChange.ADDED, CaseChange.CHANGED, CaseChange.REMOVED)))


def changes_page(
    between: Between,
    *,
    kind: str = "",
    search: str = "",
    after: int | None = None,
    before: int | None = None,
) -> ChangesPage:
    """One page of what differs: the changes after a position, or the last ones before one."""
    sql, parameters = differences(between, search=search)
    conditions, order = ["position < %s" if before is not None else "position > %s"], "ASC"
    parameters.append(before if before is not None else after or 0)
    if before is not None:
        order = "DESC"
    if kind:
        conditions.append("kind = %s")
        parameters.append(kind)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT case_id, position, kind, before_id, after_id FROM ({sql}) AS difference "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} ORDER BY position {order} LIMIT {CHANGES_PER_PAGE + 1}",
            parameters,
        )
        found = cursor.fetchall()
    more = len(found) > CHANGES_PER_PAGE
    rows = _filled(sorted(found[:CHANGES_PER_PAGE], key=lambda row: int(row[1])))
    more_before, more_after = (more, True) if before is not None else (bool(after), more)
    return ChangesPage(
        rows,
        rows[-1].position if rows and more_after else None,
        rows[0].position if rows and more_before else None,
    )


def differences(between: Between, *, search: str = "") -> tuple[str, list[Any]]:
    """A statement that gives the cases which differ. A case's position is its own for ever, so it orders them.

    Versions that the older revision has and the newer one has not, against those of the newer one: what
    stayed is on neither side, and what came back as it was has the same hash.
    """
    table = CaseVersion._meta.db_table
    older, newer = sorted((between.before, between.after))
    names = ("before", "after") if between.before <= between.after else ("after", "before")
    sql = f"""
        SELECT coalesce(after.case_id, before.case_id) AS case_id, before.id AS before_id, after.id AS after_id,
               coalesce(after.position, before.position) AS position,
               CASE WHEN before.id IS NULL THEN '{CaseChange.ADDED}' WHEN after.id IS NULL
                    THEN '{CaseChange.REMOVED}' ELSE '{CaseChange.CHANGED}' END AS kind
        FROM (SELECT * FROM {table} WHERE dataset_id = %s AND since <= %s AND until > %s AND until <= %s) AS {names[0]}
        FULL JOIN (
            SELECT * FROM {table}
            WHERE dataset_id = %s AND since > %s AND since <= %s AND (until IS NULL OR until > %s)
        ) AS {names[1]} ON before.case_id = after.case_id
        WHERE before.content_hash IS DISTINCT FROM after.content_hash"""  # noqa: S608  our own table and words
    pk = between.dataset.pk
    parameters: list[Any] = [pk, older, older, newer, pk, older, newer, newer]
    if search:
        sql += f" AND ({text_sql('before')} OR {text_sql('after')})"
        parameters += 2 * text_parameters(search)
    return sql, parameters


def _filled(found: Sequence[tuple[Any, ...]]) -> list[Changed]:
    keys = {key for row in found for key in row[3:] if key is not None}
    versions = CaseVersion.objects.select_related("case").in_bulk(keys)
    return [
        Changed(case_id, position, CaseChange(kind), versions.get(before_id), versions.get(after_id))
        for case_id, position, kind, before_id, after_id in found
    ]
