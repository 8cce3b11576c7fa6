"""One thing done to many cases at once: tags put on or taken off, cases taken out. Each is one revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from evals_app.models import CaseVersion, Dataset
from evals_app.services.case_checks import MOST_TAG_CHARS, MOST_TAGS, content_of, is_storable, row_of
from evals_app.services.revision_storing import VERSIONS, DatasetProblem, Stored, revision_store
from llmops.core.models import User

ROWS_AT_A_TIME = 100


class _Tagged(NamedTuple):
    """A version whose copy gets these tags."""

    pk: int
    tags: list[str]
    content_hash: str


def cases_tag(
    dataset: Dataset,
    chosen: QuerySet[CaseVersion],
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    author: User | None = None,
) -> Stored:
    """Put tags on the chosen current cases and take others off, as one revision; what is so already stays as it is.

    `chosen` is asked under the dataset's row lock, in one transaction. Raises DatasetProblem for a tag that cannot
    be, and when a case would have too many; then nothing is stored.
    """
    if problem := _tags_problem([*add, *remove]):
        raise DatasetProblem("tags", problem)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        lacking = ~Q(tags__contains=list(add)) if add else Q(pk__in=[])
        having = Q(tags__overlap=list(remove)) if remove else Q(pk__in=[])
        pks = list(chosen.filter(lacking | having).order_by("pk").values_list("pk", flat=True))
        if not pks:
            return Stored(locked.revision)
        number = locked.revision + 1
        _copy_with(_tagged(pks, add, remove), revision=number)
        said = " and ".join(part for part in (_said("Added", add), _said("Removed", remove)) if part)
        return revision_store(locked, Stored(number, updated=len(pks)), author=author, message=said)


def cases_take_out(dataset: Dataset, chosen: QuerySet[CaseVersion], *, author: User | None = None) -> Stored:
    """Take the chosen current cases out from the next revision on. Earlier revisions and runs keep them.

    `chosen` is asked under the dataset's row lock, in one transaction.
    """
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        removed = chosen.update(until=locked.revision + 1)
        if not removed:
            return Stored(locked.revision)
        return revision_store(locked, Stored(locked.revision + 1, removed=removed), author=author)


def _tagged(pks: Sequence[int], add: Sequence[str], remove: Sequence[str]) -> Iterator[list[_Tagged]]:
    """The new tags of these versions, some at a time. Raises DatasetProblem."""
    for start in range(0, len(pks), ROWS_AT_A_TIME):
        found = []
        for version in CaseVersion.objects.select_related("case").filter(pk__in=pks[start : start + ROWS_AT_A_TIME]):
            kept = [tag for tag in version.tags if tag not in remove]
            version.tags = list(dict.fromkeys([*kept, *add]))
            if len(version.tags) > MOST_TAGS:
                problem = f"A case has at most {MOST_TAGS} tags, and one of these has {len(kept)} already."
                raise DatasetProblem("tags", f"{problem} Take others off first.")
            found.append(_Tagged(version.pk, version.tags, content_of(row_of(version))["content_hash"]))
        yield found


def _copy_with(tagged: Iterable[list[_Tagged]], *, revision: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.case_tagged")
        cursor.execute("CREATE TEMPORARY TABLE case_tagged (id bigint, tags text[], content_hash text) ON COMMIT DROP")
        for rows in tagged:
            with cursor.copy("COPY case_tagged FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.execute(
            f"UPDATE {VERSIONS} AS version SET until = %s FROM case_tagged AS tagged WHERE version.id = tagged.id",  # noqa: S608
            [revision],
        )
        cursor.execute(
            f"""INSERT INTO {VERSIONS} (dataset_id, case_id, since, inputs, expected, reference, previous, feedback,
                                        tags, "group", metadata, position, content_hash)
                SELECT dataset_id, case_id, %s, inputs, expected, reference, previous, feedback,
                       tagged.tags, "group", metadata, position, tagged.content_hash
                FROM {VERSIONS} AS version JOIN case_tagged AS tagged ON tagged.id = version.id""",  # noqa: S608
            [revision],
        )
        cursor.execute("DROP TABLE case_tagged")


def _tags_problem(tags: Sequence[str]) -> str:
    """Why these cannot be tags; empty when they can."""
    if not tags or not all(tag.strip() for tag in tags):
        return "Type the tag."
    if any(len(tag) > MOST_TAG_CHARS for tag in tags):
        return f"A tag has at most {MOST_TAG_CHARS} characters."
    if not all(map(is_storable, tags)):
        return "A tag holds a character that cannot be stored. Type it anew."
    return ""


def _said(verb: str, tags: Sequence[str]) -> str:
    named = ", ".join(f"“{tag}”" for tag in tags)
    return f"{verb} the tag{'s' if len(tags) > 1 else ''} {named}" if tags else ""
