"""`llmops backup FILE`: everything that the database holds, of one moment, in one file."""

import argparse
import contextlib
import importlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import DatabaseError
from django.template.defaultfilters import filesizeformat

from llmops.cli.database import database
from llmops.cli.programs import CannotStart
from llmops.env import Environment, load_environment

STANDARD_STREAM = Path("-")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where to, replacing what is there; - is standard output")
    parser.add_argument("--with-keys", action="store_true", help="put the encryption keys in: keep the file as secret")


def run(options: argparse.Namespace) -> int:
    environment = load_environment()
    with _file(environment, options.file) as file:
        _dump(environment, file, with_keys=options.with_keys)
    return 0


@contextlib.contextmanager
def _file(environment: Environment, wanted: Path) -> Iterator[Path]:
    """Where to write. For standard output it is a file beside the data, which is sent and gone at the end."""
    if wanted != STANDARD_STREAM:
        yield wanted
        return
    with tempfile.TemporaryDirectory(dir=environment.home) as folder:
        file = Path(folder) / "backup"
        yield file
        with file.open("rb") as content:
            shutil.copyfileobj(content, sys.stdout.buffer)


def _dump(environment: Environment, file: Path, *, with_keys: bool) -> None:
    started_at = time.monotonic()
    with database(environment):
        backup = importlib.import_module("llmops.backup")
        try:
            manifest = backup.dump(file, keys=_keys(environment) if with_keys else None)
        except backup.NothingThere:
            raise CannotStart("the database is empty: there is nothing to put into a backup.") from None
        except OSError as refused:
            raise CannotStart(f"{file} cannot be written ({refused.strerror}).") from refused
        except DatabaseError as failed:
            raise CannotStart(f"the database did not let us read all of it ({failed}).") from failed
    size = filesizeformat(file.stat().st_size).replace("\xa0", " ")
    # Standard output may be the backup.
    print(f"{size} in {time.monotonic() - started_at:.0f} s.", file=sys.stderr)
    print(backup.in_words(manifest, with_keys=with_keys), end="", file=sys.stderr)


def _keys(environment: Environment) -> dict[str, str]:
    return {"field-key": ",".join(environment.field_keys), "secret-key": environment.secret_key}
