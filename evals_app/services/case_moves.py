"""Cases back to what they were: versions are closed and copied in a few statements, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion, Dataset
from evals_app.services.case_checks import identity_of
from evals_app.services.case_identities import Wanted, identities_give, identities_open, identities_want
from evals_app.services.revision_storing import VERSIONS, Stored

ROWS_AT_A_TIME = 500


def cases_move(dataset: Dataset, moves: str, parameters: Sequence[Any], *, revision: int) -> Stored:
    """Let cases be from `revision` on as an earlier version says; columns that come back are added to the dataset's.

    `moves` is a statement that gives for each case its case_id, now_id (its current version, if it has one) and
    then_id (the version that it shall be like; none takes it out). A case comes back to where it stood. The
    dataset's row is locked, and the revision is for the caller to store. Raises WrongCases when by now another
    case has the key or the inputs of one that comes back.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.case_move")
        cursor.execute(f"CREATE TEMPORARY TABLE case_move ON COMMIT DROP AS {moves}", parameters)
        cursor.execute("ANALYZE case_move")
        cursor.execute(
            """SELECT count(*) FILTER (WHERE now_id IS NULL), count(*) FILTER (WHERE now_id + then_id IS NOT NULL),
                      count(*) FILTER (WHERE then_id IS NULL) FROM case_move"""
        )
        added, updated, removed = cursor.fetchone()
        cursor.execute(
            f"UPDATE {VERSIONS} AS version SET until = %s FROM case_move AS move WHERE version.id = move.now_id",  # noqa: S608
            [revision],
        )
        cursor.execute(
            f"""INSERT INTO {VERSIONS} (dataset_id, case_id, since, inputs, expected, reference, previous, feedback,
                                        tags, "group", metadata, position, content_hash)
                SELECT dataset_id, version.case_id, %s, inputs, expected, reference, previous, feedback,
                       tags, "group", metadata, position, content_hash
                FROM {VERSIONS} AS version JOIN case_move AS move ON move.then_id = version.id""",  # noqa: S608
            [revision],
        )
        cursor.execute("SELECT then_id FROM case_move WHERE then_id IS NOT NULL ORDER BY then_id")
        back = [pk for (pk,) in cursor.fetchall()]
        cursor.execute("DROP TABLE case_move")
    _take_back(dataset, back)
    return Stored(revision, added=added, updated=updated, removed=removed)


def _take_back(dataset: Dataset, back: Sequence[int]) -> None:
    """The identities and the columns that go with these versions."""
    columns: dict[str, None] = dict.fromkeys(dataset.columns)
    identities_open()
    for start in range(0, len(back), ROWS_AT_A_TIME):
        wanted = []
        versions = CaseVersion.objects.filter(pk__in=back[start : start + ROWS_AT_A_TIME])
        for version in versions.select_related("case").only("inputs", "case__key", "case__identity"):
            columns |= dict.fromkeys(version.inputs)
            identity = identity_of(CaseRow(key=version.case.key or None, inputs=version.inputs))
            if identity != version.case.identity:
                wanted.append(Wanted(version.case_id, identity, version.case.key))
        identities_want(wanted)
    identities_give(dataset)
    dataset.columns = list(columns)
