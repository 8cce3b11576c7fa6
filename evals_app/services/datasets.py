"""Datasets: made, filled, changed. Every change of cases is one new revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, CaseVersion, Dataset, DatasetRevision
from llmops.core.models import Project, User
from llmops.core.naming import name_problem

MOST_CASES = 1_000_000
MOST_CELL_CHARS = 1_000_000
MOST_KEY_CHARS = 200
CHUNK = 2_000


class DatasetProblem(ValueError):
    """A dataset that cannot be as asked; says which field and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class DatasetNameTaken(DatasetProblem):
    """There is a dataset of this name in the project already."""


class CaseProblem(NamedTuple):
    """What is wrong with one row, counted from 0."""

    row: int
    field: str
    message: str


class WrongCases(ValueError):
    """Some rows are wrong and nothing was stored."""

    def __init__(self, problems: Sequence[CaseProblem]) -> None:
        super().__init__(f"{len(problems)} rows are wrong.")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Stored:
    """What a change did: the revision it made (or the one that was there, when nothing changed) and counts."""

    revision: int
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0


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
    try:
        with transaction.atomic():
            return Dataset.objects.create(
                project=project,
                name=name,
                description=description[:500],
                input_schema=input_schema,
                created_by=author,
            )
    except IntegrityError as taken:
        raise DatasetNameTaken("name", f"There is already a dataset called “{name}”. Choose another name.") from taken


def cases_put(
    dataset: Dataset, rows: Sequence[CaseRow], *, author: User | None = None, message: str = ""
) -> Stored:
    """Add cases and update those that are there already, as one new revision.

    A row with a key is the case of that key; without one, the case with equal inputs. Equal content changes
    nothing. One transaction under the dataset's row lock. Raises WrongCases, and then nothing is stored.
    """
    problems = case_problems(rows)
    if problems:
        raise WrongCases(problems)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        change = _Change(locked, author=author, message=message)
        for start in range(0, len(rows), CHUNK):
            change.put(rows[start : start + CHUNK])
        return change.store()


def case_edit(case_version: CaseVersion, row: CaseRow, *, author: User | None = None) -> Stored:
    """Give a case new content, whatever its inputs were. Raises WrongCases; when another case has these inputs too."""
    if problems := case_problems([row]):
        raise WrongCases(problems)
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(pk=case_version.dataset_id)
        case = Case.objects.get(pk=case_version.case_id)
        identity = _identity(row)
        if identity != case.identity:
            if Case.objects.filter(dataset=dataset, identity=identity).exclude(pk=case.pk).exists():
                raise WrongCases([CaseProblem(0, "key", "Another case has this key or these inputs already.")])
            Case.objects.filter(pk=case.pk).update(identity=identity, key=row.key or "")
        change = _Change(dataset, author=author, message="")
        change.put([row])
        return change.store()


def cases_remove(
    dataset: Dataset, *, case_ids: Collection[int], author: User | None = None, message: str = ""
) -> Stored:
    """Take cases out from the next revision on. Earlier revisions and runs keep them. Idempotent."""
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        change = _Change(locked, author=author, message=message)
        change.remove(case_ids)
        return change.store()


def dataset_archive(dataset: Dataset) -> None:
    """Take a dataset out of the lists; its runs stay. Idempotent."""
    Dataset.objects.filter(pk=dataset.pk, archived_at__isnull=True).update(archived_at=timezone.now())


def dataset_unarchive(dataset: Dataset) -> None:
    """Bring an archived dataset back. Idempotent."""
    Dataset.objects.filter(pk=dataset.pk).update(archived_at=None)


def case_problems(rows: Sequence[CaseRow]) -> list[CaseProblem]:
    """What cannot be stored: rows without inputs, texts that are too long, a key or inputs that come twice."""
    problems: list[CaseProblem] = []
    seen: dict[str, int] = {}
    for at, row in enumerate(rows):
        if not any(value.strip() for value in row.inputs.values()):
            problems.append(CaseProblem(at, "inputs", "This case has no input. Fill at least one variable."))
            continue
        for name, value in [*row.inputs.items(), ("expected", row.expected or ""), ("reference", row.reference or "")]:
            if len(value) > MOST_CELL_CHARS:
                problems.append(
                    CaseProblem(
                        at, name, f"This text has {len(value):,} characters; {MOST_CELL_CHARS:,} are allowed. Shorten it."
                    )
                )
        if len(row.key or "") > MOST_KEY_CHARS:
            problems.append(CaseProblem(at, "key", f"A key has at most {MOST_KEY_CHARS} characters."))
        identity = _identity(row)
        if identity in seen:
            what = f"the key “{row.key}”" if row.key else "the same inputs"
            problems.append(
                CaseProblem(at, "key" if row.key else "inputs", f"Row {seen[identity]} has {what} already. Remove one.")
            )
        seen.setdefault(identity, at)
    return problems


class _Change:
    """One revision in the making; the dataset's row is locked by the caller."""

    def __init__(self, dataset: Dataset, *, author: User | None, message: str) -> None:
        self.dataset = dataset
        self.author = author
        self.message = message
        self.number = dataset.revision + 1
        self.added = self.updated = self.unchanged = self.removed = 0
        self.columns = dict.fromkeys(dataset.columns)
        last = CaseVersion.objects.filter(dataset=dataset).order_by("-position").values_list("position", flat=True)
        self.next_position = (last.first() or 0) + 1

    def put(self, rows: Sequence[CaseRow]) -> None:
        cases = self._cases([(_identity(row), row.key or "") for row in rows])
        current = {
            version.case_id: version
            for version in CaseVersion.objects.filter(case__in=cases.values(), until__isnull=True)
        }
        new: list[CaseVersion] = []
        replaced: list[int] = []
        for row in rows:
            case_id = cases[_identity(row)]
            before = current.get(case_id)
            content = _content(row)
            if before is not None and before.content_hash == content["content_hash"]:
                self.unchanged += 1
                continue
            if before is None:
                self.added += 1
                position, self.next_position = self.next_position, self.next_position + 1
            else:
                self.updated += 1
                position = before.position
                replaced.append(before.pk)
            self.columns |= dict.fromkeys(row.inputs)
            new.append(
                CaseVersion(
                    dataset=self.dataset, case_id=case_id, since=self.number, position=position, **content
                )
            )
        CaseVersion.objects.filter(pk__in=replaced).update(until=self.number)
        CaseVersion.objects.bulk_create(new, batch_size=CHUNK)

    def remove(self, case_ids: Collection[int]) -> None:
        self.removed += CaseVersion.objects.filter(
            dataset=self.dataset, case_id__in=case_ids, until__isnull=True
        ).update(until=self.number)

    def store(self) -> Stored:
        if not (self.added or self.updated or self.removed):
            return Stored(self.dataset.revision, unchanged=self.unchanged)
        n_cases = CaseVersion.objects.filter(dataset=self.dataset, until__isnull=True).count()
        DatasetRevision.objects.create(
            dataset=self.dataset,
            number=self.number,
            n_cases=n_cases,
            n_added=self.added,
            n_updated=self.updated,
            n_removed=self.removed,
            message=self.message[:300],
            created_by=self.author,
        )
        Dataset.objects.filter(pk=self.dataset.pk).update(
            revision=self.number, columns=list(self.columns), updated_at=timezone.now()
        )
        return Stored(self.number, self.added, self.updated, self.unchanged, self.removed)

    def _cases(self, wanted: Iterable[tuple[str, str]]) -> dict[str, int]:
        keys = dict(wanted)
        Case.objects.bulk_create(
            [Case(dataset=self.dataset, identity=identity, key=key) for identity, key in keys.items()],
            ignore_conflicts=True,
            batch_size=CHUNK,
        )
        found = Case.objects.filter(dataset=self.dataset, identity__in=keys)
        return dict(found.values_list("identity", "pk"))


def _identity(row: CaseRow) -> str:
    if row.key:
        return f"key:{row.key}"
    return f"inputs:{_hash(dict(row.inputs))}"


def _content(row: CaseRow) -> dict[str, Any]:
    content: dict[str, Any] = {
        "inputs": dict(row.inputs),
        "expected": row.expected,
        "reference": row.reference,
        "previous": row.previous,
        "feedback": row.feedback,
        "tags": list(dict.fromkeys(row.tags)),
        "group": row.group or "",
        "metadata": dict(row.metadata or {}),
    }
    return content | {"content_hash": _hash(content)}


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
