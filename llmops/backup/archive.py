"""The file of a backup: a zip with one member a table (rows as COPY writes them), a manifest, and a word to people.

The manifest is written last, so a file that was cut off is known by what it lacks.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = 1
_MANIFEST = "manifest.json"
_BUFFER = 1 << 18
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)


class NoBackup(Exception):
    """One sentence: why the file cannot be read as a backup."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a backup has of one table; `sha256` is of its rows in the order of the primary key."""

    name: str
    columns: list[str]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Partition:
    """A piece of a partitioned table, with its bound as Postgres writes it."""

    name: str
    of: str
    bound: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup, and of which state of the schema."""

    release: str
    made_at: str
    postgres: str
    migrations: list[tuple[str, str]]
    tables: list[Table]
    partitions: list[Partition]
    sequences: dict[str, tuple[int, bool]]  # last value, and whether it was given out
    left_out: list[str]  # tables whose rows are not in it
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


@dataclass(slots=True)
class Tally:
    """Counts rows as they pass, and what they are."""

    rows: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def add(self, piece: bytes) -> None:
        self.rows += piece.count(b"\n")  # COPY escapes those within values
        self._digest.update(piece)

    @property
    def sha256(self) -> str:
        return str(self._digest.hexdigest())

    def agrees_with(self, table: Table) -> bool:
        return (self.rows, self.sha256) == (table.rows, table.sha256)


class ArchiveWriter:
    """Writes members one after the other; see `new_archive`."""

    def __init__(self, container: zipfile.ZipFile) -> None:
        self._container = container

    def add_table(self, name: str, columns: list[str], pieces: Iterable[bytes]) -> Table:
        tally = Tally()
        with (
            self._container.open(_member(name), "w", force_zip64=True) as member,
            io.BufferedWriter(member, _BUFFER) as out,
        ):
            for piece in pieces:
                tally.add(piece)
                out.write(piece)
        return Table(name, columns, tally.rows, tally.sha256)

    def add_keys(self, keys: Mapping[str, str]) -> None:
        for name, key in keys.items():
            self._container.writestr(f"secrets/{name}", key)

    def finish(self, manifest: Manifest, words: str) -> None:
        self._container.writestr("README.txt", words)
        self._container.writestr(_MANIFEST, json.dumps(asdict(manifest), indent=1))


@contextlib.contextmanager
def new_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Make the file `path` as a whole, or not at all; only this user may read it. It replaces one that is there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as container:
                yield ArchiveWriter(container)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


class ArchiveReader:
    """A backup that is there; see `open_archive`."""

    def __init__(self, container: zipfile.ZipFile, manifest: Manifest) -> None:
        self._container = container
        self.manifest = manifest

    @contextlib.contextmanager
    def rows_of(self, table: Table) -> Iterator[IO[bytes]]:
        with self._container.open(_member(table.name)) as rows:
            yield rows

    def checked_rows(self, table: Table) -> Iterator[bytes]:
        """Every row as COPY wrote it. Raises NoBackup, at the end at the latest, when they are not what was written."""
        tally = Tally()
        try:
            with self.rows_of(table) as rows:
                for row in rows:
                    tally.add(row)
                    yield row
        except (*_DAMAGED, OSError) as damaged:
            raise NoBackup(f"the rows of {table.name} cannot be read: the file is damaged ({damaged}).") from damaged
        if not tally.agrees_with(table):
            raise NoBackup(f"the rows of {table.name} are not those that were written: the file is damaged.")

    def keys(self) -> dict[str, str]:
        names = [name for name in self._container.namelist() if name.startswith("secrets/")]
        return {name.removeprefix("secrets/"): self._container.read(name).decode() for name in names}


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[ArchiveReader]:
    """Raises NoBackup when the file is none, was cut off, or is of a newer release."""
    try:
        container = zipfile.ZipFile(path)
    except OSError as refused:
        raise NoBackup(f"{path} cannot be read ({refused.strerror or refused}).") from refused
    except _DAMAGED as damaged:
        raise NoBackup(f"{path} is no backup, or only a part of one ({damaged}).") from damaged
    with container:
        yield ArchiveReader(container, _manifest(container, path))


def kept_keys(path: Path) -> dict[str, str]:
    """The keys that were put into a backup, by name; mostly none. Raises NoBackup."""
    with open_archive(path) as archive:
        return archive.keys()


def _manifest(container: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        written = json.loads(container.read(_MANIFEST))
        if written["format"] != FORMAT:
            raise NoBackup(f"{path} is of release {written['release']}, which is newer: install that one first.")
        return Manifest(
            **{
                **written,
                "migrations": [(app, name) for app, name in written["migrations"]],
                "tables": [Table(**table) for table in written["tables"]],
                "partitions": [Partition(**partition) for partition in written["partitions"]],
                "sequences": {name: (last, given) for name, (last, given) in written["sequences"].items()},
            }
        )
    except (*_DAMAGED, KeyError, TypeError, ValueError) as wrong:
        raise NoBackup(f"{path} is no backup of llmops ({wrong}).") from wrong


def _member(table: str) -> str:
    return f"tables/{table}.copy"
