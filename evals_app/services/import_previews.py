"""What an uploaded file would change, kept beside it: made once, then read page by page however much it is.

Beside the kept file lie `.counts` (what is shown first, as JSON), `.changes` (one line of JSON for each case) and
`.places` (where each line begins, by kind).
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from evals_app.choices import CaseChange
from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion, Dataset
from evals_app.services.case_putting import rows_compare
from evals_app.services.case_staging import Matched
from evals_app.services.importing import file_import, file_rows
from evals_app.services.kept_files import FileGone, KeptFile, beside
from evals_app.services.revision_storing import Stored
from llmops.core.models import User

CHANGES_PER_PAGE = 25
_KINDS = tuple(CaseChange)


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What a file would do to its dataset at `revision`, and what its columns were taken for.

    `base` is the revision that the file says it was made of; `counted` what the number of a row is called.
    """

    revision: int
    base: int | None
    counted: str
    column_map: Mapping[str, str]
    counts: Matched

    @property
    def n_changes(self) -> int:
        return self.counts.added + self.counts.updated

    @property
    def n_rows(self) -> int:
        return self.n_changes + self.counts.unchanged


@dataclass(frozen=True, slots=True)
class FileChange:
    """One case that the file adds or changes, or, with no `after`, one that is not in it.

    `moved` says that somebody else changed it after the file was made. `row` is its line or row.
    """

    kind: CaseChange
    row: int
    before: CaseVersion | None
    after: CaseRow | None
    moved: bool


def preview_make(dataset: Dataset, kept: KeptFile, *, column_map: Mapping[str, str]) -> ImportPreview:
    """Compare a kept file with the dataset as it is now. Nothing is stored. Raises FileRefused and WrongCases."""
    with (
        kept.path.open("rb") as file,
        file_rows(file, filename=kept.filename, column_map=column_map) as source,
    ):
        compared = rows_compare(dataset, source, keep=lambda changes, missing: _keep(kept, changes, missing))
    made = ImportPreview(compared.revision, compared.base, source.counted, dict(column_map), compared.counts)
    beside(kept, "counts").write_text(json.dumps(asdict(made)))
    return made


def import_preview(kept: KeptFile) -> ImportPreview:
    """What was found when the file was compared. Raises FileGone when it was not, or is gone."""
    try:
        found = json.loads(beside(kept, "counts").read_text())
    except FileNotFoundError as gone:
        raise FileGone from gone
    return ImportPreview(**{**found, "counts": Matched(*found["counts"])})


def preview_changes(kept: KeptFile, *, kind: CaseChange | None, start: int) -> list[FileChange]:
    """A page of what the file changes, from number `start` on; with a kind, of those alone. Raises FileGone.

    Without one, cases that are not in the file are not among them: whether they go is for a person to say.
    """
    try:
        with beside(kept, "changes").open("rb") as lines:
            places = _places(beside(kept, "places"), kind)[start : start + CHANGES_PER_PAGE]
            found = [_line_at(lines, place) for place in places]
    except FileNotFoundError as gone:
        raise FileGone from gone
    versions = CaseVersion.objects.select_related("case").in_bulk([line["before"] for line in found if line["before"]])
    return [
        FileChange(
            CaseChange(line["kind"]),
            line["row"],
            versions.get(line["before"]),
            CaseRow(**line["content"]) if line["content"] else None,
            line["moved"],
        )
        for line in found
    ]


def preview_apply(
    dataset: Dataset, kept: KeptFile, preview: ImportPreview, *, whole: bool, author: User | None
) -> Stored:
    """Store what was shown, as one revision; with `whole`, take out what is not in the file.

    Raises DatasetMoved when the dataset changed since it was compared, FileRefused and WrongCases.
    """
    with kept.path.open("rb") as file:
        return file_import(
            dataset,
            file,
            filename=kept.filename,
            column_map=preview.column_map,
            author=author,
            whole=whole,
            expected=preview.revision,
        )


def _keep(kept: KeptFile, changes: Iterator[tuple[Any, ...]], missing: Iterable[int]) -> None:
    """Write the changes down, and where each begins."""
    places = {kind: array("Q") for kind in _KINDS}
    with beside(kept, "changes").open("wb") as lines:
        beside(kept, "changes").chmod(0o600)
        for kind, row, before, moved, *content in changes:
            places[CaseChange(kind)].append(lines.tell())
            lines.write(_line(kind, row, before, moved=moved, content=_content(content)))
        for before in missing:
            places[CaseChange.REMOVED].append(lines.tell())
            lines.write(_line(CaseChange.REMOVED, 0, before, moved=False, content=None))
    with beside(kept, "places").open("wb") as file:
        file.write(array("Q", [len(places[kind]) for kind in _KINDS]).tobytes())
        for kind in _KINDS:
            file.write(places[kind].tobytes())


def _line(kind: str, row: int, before: int | None, *, moved: bool, content: dict[str, Any] | None) -> bytes:
    fields = {"kind": kind, "row": row, "before": before, "moved": moved, "content": content}
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _content(values: Sequence[Any]) -> dict[str, Any]:
    names = ("key", "inputs", "expected", "reference", "previous", "feedback", "tags", "group", "metadata")
    content = dict(zip(names, values, strict=True))
    return content | {name: json.loads(content[name]) for name in ("inputs", "metadata")}


def _places(path: Path, kind: CaseChange | None) -> Sequence[int]:
    """Where the lines of a kind begin; without one, those of all that the file itself changes, in its order."""
    numbers = array("Q")
    numbers.frombytes(path.read_bytes())
    counts, places = numbers[: len(_KINDS)], numbers[len(_KINDS) :]
    starts = [sum(counts[:at]) for at in range(len(_KINDS) + 1)]
    by_kind = {each: places[starts[at] : starts[at + 1]] for at, each in enumerate(_KINDS)}
    if kind is not None:
        return by_kind[kind]
    return sorted([*by_kind[CaseChange.ADDED], *by_kind[CaseChange.CHANGED]])


def _line_at(lines: BinaryIO, place: int) -> dict[str, Any]:
    lines.seek(place)
    found: dict[str, Any] = json.loads(lines.readline())
    return found
