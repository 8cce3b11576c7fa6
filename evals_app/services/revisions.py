"""Going back: a dataset as it was at an older revision, and one change taken back. Both are new revisions."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection, transaction

from evals_app.models import Dataset
from evals_app.selectors.changes import Between, differences
from evals_app.services.case_moves import cases_move
from evals_app.services.case_putting import DatasetMoved
from evals_app.services.revision_storing import VERSIONS, Stored, revision_store
from llmops.core.models import User

_CAME_WITH = f"""
    FROM (SELECT id, case_id FROM {VERSIONS} WHERE dataset_id = %s AND since = %s) AS came
    FULL JOIN (SELECT id, case_id FROM {VERSIONS} WHERE dataset_id = %s AND until = %s) AS went USING (case_id)"""  # noqa: S608
_STILL_SO = f"""NOT EXISTS (
    SELECT FROM {VERSIONS} AS later
    WHERE later.case_id = coalesce(came.case_id, went.case_id) AND (later.since > %s OR later.until > %s)
)"""


class Undone(NamedTuple):
    """What taking a change back did, and how many of its cases were left alone since they changed again after it."""

    stored: Stored
    n_left: int


def revision_restore(dataset: Dataset, *, number: int, base: int, author: User | None = None) -> Stored:
    """Make the cases again what they were at revision `number`, as a new revision. Runs keep the ones they pinned.

    One transaction under the dataset's row lock. Raises DatasetMoved when the dataset is not at revision `base`
    any more, and WrongCases when a case cannot come back.
    """
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        if locked.revision != base:
            raise DatasetMoved(locked.revision)
        found, parameters = differences(Between(locked, before=base, after=number))
        moves = f"SELECT case_id, before_id AS now_id, after_id AS then_id FROM ({found}) AS difference"  # noqa: S608
        stored = cases_move(locked, moves, parameters, revision=base + 1)
        if not stored.n_changes:
            return Stored(base)
        return revision_store(locked, stored, author=author, message=f"Went back to revision {number}")


def revision_undo(dataset: Dataset, *, number: int, author: User | None = None) -> Undone:
    """Take one change back, whatever it was, as a new revision: cases that changed again after it are left alone.

    One transaction under the dataset's row lock. Idempotent: what is undone already is left alone too. Raises
    WrongCases when by now another case has the key or the inputs of one that would come back.
    """
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        change = [locked.pk, number, locked.pk, number]
        moves = f"SELECT case_id, came.id AS now_id, went.id AS then_id {_CAME_WITH} WHERE {_STILL_SO}"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) {_CAME_WITH}", change)
            n_cases: int = cursor.fetchone()[0]
        stored = cases_move(locked, moves, [*change, number, number], revision=locked.revision + 1)
        n_left = n_cases - stored.n_changes
        if not stored.n_changes:
            return Undone(Stored(locked.revision), n_left)
        stored = revision_store(locked, stored, author=author, message=f"Took revision {number} back")
        return Undone(stored, n_left)
