"""The cases of a dataset as lists show them, and one of them as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.core.cache import cache
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Left
from django.http import Http404

from evals_app.models import Case, CaseVersion, Dataset
from evals_app.selectors.case_filters import CaseFilter, current_cases
from evals_app.selectors.case_texts import Beginnings
from llmops.ids import row_number
from llmops.texts import shortened

CASES_PER_PAGE = 100
SHOWN_CHARS = 300
MOST_COUNTED = 10_000
MOST_TAGS_SHOWN = 12
TITLE_CHARS = 120
KEPT_S = 3600

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a list, its texts cut to what a list can show. `named` are its columns with their texts."""

    case_id: int
    key: str
    named: list[tuple[str, str]]
    expected: str | None
    tags: list[str]
    position: int


@dataclass(frozen=True, slots=True)
class CasesPage:
    """Some cases in the dataset's order, and the positions after and before which the list goes on.

    `n_fit` is how many cases fit, no more than MOST_COUNTED; None when it was not found by the way.
    """

    rows: list[CaseLine]
    next_after: int | None
    previous_before: int | None
    has_keys: bool
    has_tags: bool
    n_fit: int | None


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag and how many cases have it."""

    tag: str
    n_cases: int


def cases_page(dataset: Dataset, fits: CaseFilter, *, after: int | None = None, before: int | None = None) -> CasesPage:
    """One page of the dataset's current cases: those after a position, or the last ones before one."""
    cases = current_cases(dataset, fits)
    if before is not None:
        cases, order = cases.filter(position__lt=before), "-position"
    else:
        cases, order = cases.filter(position__gt=after or 0), "position"
    # Keys first: the long texts of a case are read for the rows of the page alone. A search that reads them all to
    # find one page finds the rest by the way, which is quicker than counting it with a second look.
    counted = bool(fits) and before is None and not after
    found = cases.order_by(order).values_list("pk", flat=True)[: MOST_COUNTED if counted else CASES_PER_PAGE + 1]
    keys = list(found)
    more = len(keys) > CASES_PER_PAGE
    rows = [_line(version, dataset.columns) for version in _beginnings(keys[:CASES_PER_PAGE])]
    more_before, more_after = (more, True) if before is not None else (bool(after), more)
    return CasesPage(
        rows=rows,
        next_after=rows[-1].position if rows and more_after else None,
        previous_before=rows[0].position if rows and more_before else None,
        has_keys=any(row.key for row in rows),
        has_tags=any(row.tags for row in rows),
        n_fit=len(keys) if counted else None,
    )


def case_neighbours(dataset: Dataset, fits: CaseFilter, *, position: int) -> tuple[int | None, int | None]:
    """The ids of the cases before and after a position among those that fit; None at the ends."""
    cases = current_cases(dataset, fits)
    before = cases.filter(position__lt=position).order_by("-position").values_list("case_id", flat=True)
    after = cases.filter(position__gt=position).order_by("position").values_list("case_id", flat=True)
    return before.first(), after.first()


def _beginnings(keys: list[int]) -> QuerySet[CaseVersion]:
    """These versions in the dataset's order, with the beginnings of their texts in place of the texts."""
    return (
        CaseVersion.objects.filter(pk__in=keys)
        .select_related("case")
        .defer("inputs", "expected", "reference", "previous", "feedback", "metadata")
        .annotate(beginnings=Beginnings(F("inputs"), chars=SHOWN_CHARS), answer=Left("expected", SHOWN_CHARS))
        .order_by("position")
    )


def case_tags(dataset: Dataset) -> list[TagCount]:
    """The most used tags of the dataset's current cases, the most used first."""
    return _of_revision(dataset, "tags", lambda: _counted_tags(dataset))


def n_unanswered(dataset: Dataset) -> int:
    """How many of the dataset's current cases have no expected answer."""
    return _of_revision(dataset, "unanswered", lambda: current_cases(dataset, CaseFilter(unanswered=True)).count())


def _of_revision(dataset: Dataset, what: str, find: Callable[[], T]) -> T:
    """What is the same until cases change, which makes a revision: looked for once for each, by every process."""
    key = f"cases:{dataset.pk}:{dataset.created_at.timestamp()}:{dataset.revision}:{what}"
    found: T | None = cache.get(key)
    if found is None:
        found = find()
        cache.set(key, found, KEPT_S)
    return found


def _counted_tags(dataset: Dataset) -> list[TagCount]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT tag, count(*) FROM {CaseVersion._meta.db_table}, unnest(tags) AS tag
                WHERE dataset_id = %s AND until IS NULL
                GROUP BY tag ORDER BY count(*) DESC, tag LIMIT {MOST_TAGS_SHOWN}""",  # noqa: S608  our own table
            [dataset.pk],
        )
        return [TagCount(*row) for row in cursor.fetchall()]


def current_case(dataset: Dataset, *, case_id: int) -> CaseVersion:
    """A case of the dataset as it is now. Raises Http404, also when it was removed."""
    found = CaseVersion.objects.filter(dataset=dataset, case_id=case_id, until__isnull=True)
    version = found.select_related("case").first()
    if version is None:
        raise Http404("This case is not in the dataset any more.")
    return version


def removed_case(dataset: Dataset, *, case_id: int) -> CaseVersion | None:
    """A case that was taken out, as it last was; None when it is there or never was."""
    last = (
        CaseVersion.objects.filter(dataset=dataset, case_id=case_id).select_related("case").order_by("-since").first()
    )
    return last if last is not None and last.until is not None else None


def n_cases_with(dataset: Dataset, fits: CaseFilter) -> int:
    """How many of the dataset's current cases fit; no more than MOST_COUNTED."""
    return current_cases(dataset, fits)[:MOST_COUNTED].count()


def has_keys(dataset: Dataset) -> bool:
    """Whether any case of the dataset has, or had, a key."""
    return Case.objects.filter(dataset=dataset).exclude(key="").exists()


def version_of_case(dataset: Dataset, *, case_id: int, pk: str) -> CaseVersion:
    """The version `pk` of a case, whether it is current or not. Raises Http404."""
    number = row_number(pk) or 0
    versions = CaseVersion.objects.filter(dataset=dataset, case_id=case_id, pk=number)
    version = versions.select_related("case").first()
    if version is None:
        raise Http404("There is no such case in this dataset.")
    return version


def case_title(inputs: Mapping[str, str], columns: Sequence[str], *, key: str) -> str:
    """A case in one line: its first input that says something."""
    values = [inputs.get(column, "") for column in columns] + list(inputs.values())
    first = next((value for value in values if value.strip()), key)
    return shortened(" ".join(first[: 4 * TITLE_CHARS].split()), TITLE_CHARS)


def _line(version: CaseVersion, columns: list[str]) -> CaseLine:
    beginnings = version.beginnings  # type: ignore[attr-defined]  # annotated above
    return CaseLine(
        case_id=version.case_id,
        key=version.case.key,
        named=[(column, beginnings.get(column, "")) for column in columns],
        expected=version.answer,  # type: ignore[attr-defined]  # annotated above
        tags=version.tags,
        position=version.position,
    )
