"""Datasets: made, described, archived, and filled. Every change of cases is one new revision."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, CaseVersion, Dataset
from evals_app.services.case_checks import CaseProblem as CaseProblem
from evals_app.services.case_checks import WrongCases as WrongCases
from evals_app.services.case_checks import case_problems as case_problems
from evals_app.services.case_checks import content_of, identity_of, row_problems
from evals_app.services.case_moves import cases_move
from evals_app.services.case_putting import DatasetMoved as DatasetMoved
from evals_app.services.case_putting import cases_put as cases_put
from evals_app.services.input_schemas import input_schema_problem
from evals_app.services.revision_storing import VERSIONS, revision_store
from evals_app.services.revision_storing import DatasetProblem as DatasetProblem
from evals_app.services.revision_storing import Stored as Stored
from llmops.core.choices import AuditKind
from llmops.core.models import Project, User
from llmops.core.naming import name_problem
from llmops.core.services import audit_note
from llmops.core.services.archiving import row_archive, row_unarchive


class DatasetNameTaken(DatasetProblem):
    """There is a dataset of this name in the project already."""


class CaseChanged(Exception):
    """Somebody else changed or removed the case meanwhile; `now` is its current version, if it has one."""

    def __init__(self, now: CaseVersion | None) -> None:
        super().__init__("Somebody changed this case meanwhile.")
        self.now = now


def dataset_create(
    *,
    project: Project,
    name: str,
    description: str = "",
    input_schema: Mapping[str, Any] | None = None,
    author: User | None = None,
) -> Dataset:
    """Make an empty dataset at revision 0. Raises DatasetProblem, DatasetNameTaken."""
    if problem := name_problem(name):
        raise DatasetProblem("name", problem)
    if input_schema is not None and (problem := input_schema_problem(input_schema)):
        raise DatasetProblem("input_schema", problem)
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(
                project=project,
                name=name,
                description=description[:500],
                input_schema=input_schema,
                created_by=author,
            )
            audit_note(AuditKind.DATASET, "made", f"made the dataset “{name}”", project_id=project.pk)
            return dataset
    except IntegrityError as taken:
        raise _name_taken(project, name) from taken


def dataset_describe(dataset: Dataset, *, name: str, description: str) -> None:
    """Give a dataset another name and description. Raises DatasetProblem, DatasetNameTaken."""
    if problem := name_problem(name):
        raise DatasetProblem("name", problem)
    dataset.name, dataset.description = name, description[:500]
    try:
        with transaction.atomic():
            dataset.save(update_fields=["name", "description"])
    except IntegrityError as taken:
        raise _name_taken(dataset.project, name) from taken


def case_edit(case_version: CaseVersion, row: CaseRow, *, author: User | None = None) -> Stored:
    """Give a case new content, whatever its key and inputs were, in place of `case_version`.

    One transaction under the dataset's row lock. Raises CaseChanged when `case_version` is not its newest, and
    WrongCases, also when another case has the key or the inputs.
    """
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(pk=case_version.dataset_id)
        if problems := row_problems(0, row, dataset.input_schema):
            raise WrongCases(problems)
        before = _current(dataset, case_id=case_version.case_id)
        if before is None or before.pk != case_version.pk:
            raise CaseChanged(before)
        content = content_of(row)
        identity = identity_of(row)
        if before.content_hash == content["content_hash"] and before.case.identity == identity:
            return Stored(dataset.revision, unchanged=1)
        _take_identity(before.case, identity, key=row.key or "")
        number = dataset.revision + 1
        CaseVersion.objects.filter(pk=before.pk).update(until=number)
        CaseVersion.objects.create(
            dataset=dataset, case_id=before.case_id, since=number, position=before.position, **content
        )
        dataset.columns = list(dict.fromkeys([*dataset.columns, *row.inputs]))
        return revision_store(dataset, Stored(number, updated=1), author=author)


def cases_remove(
    dataset: Dataset, *, case_ids: Collection[int], author: User | None = None, message: str = ""
) -> Stored:
    """Take cases out from the next revision on. Earlier revisions and runs keep them. Idempotent."""
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        number = locked.revision + 1
        removed = CaseVersion.objects.filter(dataset=locked, case_id__in=case_ids, until__isnull=True).update(
            until=number
        )
        if not removed:
            return Stored(locked.revision)
        return revision_store(locked, Stored(number, removed=removed), author=author, message=message)


def cases_put_back(dataset: Dataset, *, case_ids: Collection[int], author: User | None = None) -> Stored:
    """Undo a removal: the cases return as they last were, to where they stood. Idempotent.

    Raises WrongCases when by now another case has the key or the inputs of one.
    """
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        stored = cases_move(
            locked,
            f"""SELECT DISTINCT ON (case_id) case_id, NULL::bigint AS now_id, id AS then_id FROM {VERSIONS} AS last
                WHERE dataset_id = %s AND case_id = ANY(%s)
                  AND NOT EXISTS (SELECT FROM {VERSIONS} WHERE case_id = last.case_id AND until IS NULL)
                ORDER BY case_id, since DESC""",  # noqa: S608  our own table
            [locked.pk, list(case_ids)],
            revision=locked.revision + 1,
        )
        return (
            revision_store(locked, stored, author=author, message="Put back")
            if stored.added
            else Stored(locked.revision)
        )


def dataset_archive(dataset: Dataset) -> None:
    """Take a dataset out of the lists; its runs stay. Idempotent."""
    row_archive(dataset, AuditKind.DATASET)


def dataset_unarchive(dataset: Dataset) -> None:
    """Bring an archived dataset back. Idempotent."""
    row_unarchive(dataset, AuditKind.DATASET)


def _current(dataset: Dataset, *, case_id: int) -> CaseVersion | None:
    return (
        CaseVersion.objects.filter(dataset=dataset, case_id=case_id, until__isnull=True).select_related("case").first()
    )


def _take_identity(case: Case, identity: str, *, key: str) -> None:
    """Let the case have this identity; a removed case that had it gives it up. Raises WrongCases."""
    if identity == case.identity:
        return
    other = Case.objects.filter(dataset_id=case.dataset_id, identity=identity).first()
    if other is not None:
        if CaseVersion.objects.filter(case=other, until__isnull=True).exists():
            field, what = ("key", "this key") if key else ("inputs", "the same inputs")
            raise WrongCases([CaseProblem(0, field, f"Another case has {what} already.")])
        Case.objects.filter(pk=other.pk).update(identity=f"gone:{other.pk}")
    Case.objects.filter(pk=case.pk).update(identity=identity, key=key)


def _name_taken(project: Project, name: str) -> DatasetNameTaken:
    if Dataset.objects.filter(project=project, name=name, archived_at__isnull=False).exists():
        message = f"A removed dataset is called “{name}”. Bring that one back, or choose another name."
        return DatasetNameTaken("name", message)
    return DatasetNameTaken("name", f"There is already a dataset called “{name}”. Choose another name.")
