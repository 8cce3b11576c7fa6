"""The row of a revision: numbered, counted and signed, once its cases have been changed."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from evals_app.models import CaseVersion, Dataset, DatasetRevision
from llmops.core.choices import AuditKind
from llmops.core.models import User
from llmops.core.services import audit_note

MOST_CASES = 1_000_000
VERSIONS = CaseVersion._meta.db_table


class DatasetProblem(ValueError):
    """A dataset that cannot be as asked; says which field and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Stored:
    """What a change did: the revision it made (or the one that was there, when nothing changed) and counts."""

    revision: int
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def n_changes(self) -> int:
        return self.added + self.updated + self.removed


def revision_store(dataset: Dataset, stored: Stored, *, author: User | None, message: str = "") -> Stored:
    """Number a change that was made, and give it back; the dataset's row is locked.

    The dataset's columns are those that a case still uses. Raises DatasetProblem when it grew too large.
    """
    n_cases = CaseVersion.objects.filter(dataset=dataset, until__isnull=True).count()
    if n_cases > MOST_CASES:
        limit = f"A dataset holds at most {MOST_CASES:,} cases; this would make {n_cases:,}."
        raise DatasetProblem("cases", f"{limit} Start a second one.")
    DatasetRevision.objects.create(
        dataset=dataset,
        number=stored.revision,
        n_cases=n_cases,
        n_added=stored.added,
        n_updated=stored.updated,
        n_removed=stored.removed,
        message=message[:300],
        created_by=author,
    )
    dataset.revision, dataset.updated_at = stored.revision, timezone.now()
    dataset.columns = _used_columns(dataset)
    dataset.save(update_fields=["revision", "columns", "updated_at"])
    counts = {"cases added": stored.added, "cases changed": stored.updated, "cases taken out": stored.removed}
    audit_note(
        AuditKind.DATASET,
        "changed",
        f"changed the cases of “{dataset.name}”: revision {stored.revision}",
        project_id=dataset.project_id,
        after={name: n for name, n in counts.items() if n} | ({"note": message} if message else {}),
    )
    return stored


def _used_columns(dataset: Dataset) -> list[str]:
    """The dataset's columns that a case still uses, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS given (name, place)
                WHERE EXISTS (
                    SELECT FROM {VERSIONS}
                    WHERE dataset_id = %s AND until IS NULL AND jsonb_exists(inputs, name)
                ) ORDER BY place""",  # noqa: S608  our own table
            [dataset.columns, dataset.pk],
        )
        return [name for (name,) in cursor.fetchall()]
