"""Cases in, many at once: checked row by row, matched with those that are there, stored as one revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from evals_app.engine.case_files import CaseRow
from evals_app.models import Dataset
from evals_app.services import case_staging as staging
from evals_app.services.case_checks import CaseProblem, WrongCases, row_problems, twice
from evals_app.services.case_staging import Matched
from evals_app.services.revision_storing import MOST_CASES, Stored, revision_store
from llmops.core.models import User

MOST_PROBLEMS = 1_000
Numbered = Iterable[tuple[int, CaseRow | CaseProblem]]


class DatasetMoved(Exception):
    """Somebody else changed the dataset meanwhile; `now` is its newest revision."""

    def __init__(self, now: int) -> None:
        super().__init__(f"Somebody changed this dataset meanwhile: it is at revision {now}.")
        self.now = now


@dataclass(frozen=True, slots=True)
class RowsFrom:
    """Where rows come from. `counted` is what their number is called in problems ("row", "line").

    `made_at` says at which revision a file was made; only rows of a file that say which case they are use it.
    """

    rows: Numbered
    counted: str
    made_at: Callable[[], int | None] = lambda: None


def cases_put(dataset: Dataset, rows: Iterable[CaseRow], *, author: User | None = None, message: str = "") -> Stored:
    """Add cases and update those that are there already, as one new revision. `row` of a problem counts from 0.

    A row with a key is the case of that key; without one, the case with equal inputs. Equal content changes
    nothing. One transaction under the dataset's row lock. Raises WrongCases, and then nothing is stored.
    """
    return rows_put(dataset, RowsFrom(enumerate(rows), "row"), author=author, message=message)


def rows_put(
    dataset: Dataset,
    source: RowsFrom,
    *,
    author: User | None = None,
    message: str = "",
    whole: bool = False,
    expected: int | None = None,
) -> Stored:
    """`cases_put` for rows that carry their own number; with `whole`, cases that are in no row are taken out.

    Rows may come one by one from a file: they are not kept in memory. A CaseProblem in place of a row is one
    that could not be read. The dataset's row is locked once all rows are read and right. Raises DatasetMoved when
    the dataset is not at revision `expected` then.
    """
    with transaction.atomic():
        columns = _stage(dataset, source)
        # Locked only now: reading a large file takes its time, and others go on editing meanwhile.
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        if expected is not None and locked.revision != expected:
            raise DatasetMoved(locked.revision)
        number, base = locked.revision + 1, _base(locked, source)
        matched = staging.stage_match(locked, base=base)
        if not (matched.added or matched.updated or (whole and matched.missing)):
            staging.stage_close()
            return Stored(locked.revision, unchanged=matched.unchanged)
        removed = staging.stage_merge(locked, revision=number, remove_missing=whole, base=base)
        staging.stage_close()
        locked.columns = list(dict.fromkeys([*locked.columns, *columns]))
        stored = Stored(number, matched.added, matched.updated, matched.unchanged, removed)
        return revision_store(locked, stored, author=author, message=message)


@dataclass(frozen=True, slots=True)
class Compared:
    """What rows would do to a dataset at `revision`; `base` is the one that they were written down at, if known."""

    revision: int
    base: int | None
    counts: Matched


def rows_compare(
    dataset: Dataset, source: RowsFrom, *, keep: Callable[[Iterator[tuple[Any, ...]], list[int]], None]
) -> Compared:
    """What `rows_put` would do; nothing is stored. `keep` is handed the changes of `stage_changes`, one by one, and
    the versions of the cases that are in no row.

    Raises WrongCases for what cannot be stored.
    """
    with transaction.atomic():
        _stage(dataset, source)
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        base = _base(locked, source)
        counts = staging.stage_match(locked, base=base)
        missing = staging.stage_missing(locked, base=base)
        keep(staging.stage_changes(), missing)
        if staging.stage_moves_names():
            with transaction.atomic():  # only to see whether it can be done
                staging.stage_merge(locked, revision=locked.revision + 1)
                transaction.set_rollback(True)
        staging.stage_close()
        return Compared(locked.revision, base, counts)


def _base(dataset: Dataset, source: RowsFrom) -> int | None:
    """A file may come from another dataset, which has more revisions."""
    made_at = source.made_at()
    return made_at if made_at is not None and made_at <= dataset.revision else None


def _stage(dataset: Dataset, source: RowsFrom) -> list[str]:
    """Check all rows into the stage; gives their columns. Raises WrongCases."""
    checked = _Checked(source.rows, schema=dataset.input_schema)
    staging.stage_open()
    staging.stage_fill(checked)
    twins = staging.stage_twins(most=MOST_PROBLEMS - len(checked.problems))
    problems = checked.problems + [twice(twin.row, twin.before, key=twin.key, counted=source.counted) for twin in twins]
    if problems:
        raise WrongCases(sorted(problems), n_rows=checked.n_wrong + len(twins))
    return list(checked.columns)


class _Checked:
    """Passes the right rows on, one by one; gathers columns and problems (at most MOST_PROBLEMS) as it goes."""

    def __init__(self, rows: Numbered, *, schema: Mapping[str, Any] | None) -> None:
        self.columns: dict[str, None] = {}
        self.problems: list[CaseProblem] = []
        self.n_wrong = 0
        self._last_wrong = -1
        self._rows = rows
        self._schema = schema

    def __iter__(self) -> Iterator[tuple[int, CaseRow]]:
        for at, (number, row) in enumerate(self._rows):
            if at >= MOST_CASES:
                message = f"A dataset holds at most {MOST_CASES:,} cases. Leave out the rows from here on."
                self._wrong([CaseProblem(number, "", message)])
                return
            found = [row] if isinstance(row, CaseProblem) else row_problems(number, row, self._schema)
            if found:
                self._wrong(found)
            elif isinstance(row, CaseRow):
                self.columns |= dict.fromkeys(row.inputs)
                yield number, row

    def _wrong(self, found: list[CaseProblem]) -> None:
        self.n_wrong += found[0].row != self._last_wrong
        self._last_wrong = found[0].row
        self.problems += found[: MOST_PROBLEMS - len(self.problems)]
