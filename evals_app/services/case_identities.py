"""Which case is which, for many at once: identities change hands in two statements.

An identity belongs to one case of the dataset, also after it was taken out. When contents come back or move, the
cases that lose theirs let go first, so that two may swap; a case that is taken out gives its identity up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from evals_app.models import Case, CaseVersion, Dataset
from evals_app.services.case_checks import CaseProblem, WrongCases

CASES = Case._meta.db_table
VERSIONS = CaseVersion._meta.db_table


class Wanted(NamedTuple):
    """The identity and the key that a case shall have; `row` is what a problem with it is reported for."""

    case_id: int
    identity: str
    key: str
    row: int = 0


def identities_open() -> None:
    """Make the empty table of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.case_wanted")
        cursor.execute(
            "CREATE TEMPORARY TABLE case_wanted (case_id bigint, identity text, key text, row bigint) ON COMMIT DROP"
        )


def identities_want(wanted: Iterable[Wanted]) -> None:
    """Note who shall have which identity. Unchanged ones need not be named."""
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY case_wanted (case_id, identity, key, row) FROM STDIN") as copy,
    ):
        for row in wanted:
            copy.write_row(row)


def identities_give(dataset: Dataset) -> None:
    """Give each case of the table what it shall have, once the current versions are as they shall be.

    The dataset's row is locked. Raises WrongCases when two cases that are in the dataset would be the same one.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE case_wanted")
        cursor.execute(
            f"""SELECT key, max(row) FROM case_wanted GROUP BY identity, key HAVING count(*) > 1
                UNION ALL
                SELECT wanted.key, wanted.row FROM case_wanted AS wanted
                JOIN {CASES} AS other ON other.dataset_id = %s AND other.identity = wanted.identity
                WHERE other.id <> wanted.case_id
                  AND NOT EXISTS (SELECT FROM case_wanted AS too WHERE too.case_id = other.id)
                  AND EXISTS (SELECT FROM {VERSIONS} WHERE case_id = other.id AND until IS NULL)
                LIMIT 1""",  # noqa: S608  our own tables
            [dataset.pk],
        )
        if clash := cursor.fetchone():
            key, row = clash
            field, what = ("key", f"the key “{key}”") if key else ("inputs", "the same inputs")
            raise WrongCases([CaseProblem(row, field, f"Another case has {what} already.")])
        cursor.execute(
            f"""UPDATE {CASES} AS holder SET identity = 'gone:' || holder.id FROM case_wanted AS wanted
                WHERE holder.dataset_id = %s
                  AND (holder.identity = wanted.identity OR holder.id = wanted.case_id)""",  # noqa: S608
            [dataset.pk],
        )
        cursor.execute(
            f"""UPDATE {CASES} AS own SET identity = wanted.identity, key = wanted.key FROM case_wanted AS wanted
                WHERE own.id = wanted.case_id"""  # noqa: S608
        )
        cursor.execute("DROP TABLE case_wanted")
