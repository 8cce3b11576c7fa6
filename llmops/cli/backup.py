"""`llmops backup FILE`: everything that the database holds, of one moment, in one file."""

import argparse
import importlib
import time
from pathlib import Path

from django.db import DatabaseError

from llmops.cli.database import database
from llmops.cli.programs import CannotStart
from llmops.env import Environment, load_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where to; a file that is there is replaced")
    parser.add_argument("--with-keys", action="store_true", help="put the encryption keys in: keep the file as secret")


def run(options: argparse.Namespace) -> int:
    environment = load_environment()
    started_at = time.monotonic()
    with database(environment):
        backup = importlib.import_module("llmops.backup")
        try:
            manifest = backup.dump(options.file, keys=_keys(environment) if options.with_keys else None)
        except backup.NothingThere:
            raise CannotStart("the database is empty: there is nothing to put into a backup.") from None
        except OSError as refused:
            raise CannotStart(f"{options.file} cannot be written ({refused.strerror}).") from refused
        except DatabaseError as failed:
            raise CannotStart(f"the database did not let us read all of it ({failed}).") from failed
    megabytes = options.file.stat().st_size / 1e6
    print(f"{options.file}: {megabytes:.1f} MB in {time.monotonic() - started_at:.0f} s.")
    print(backup.in_words(manifest, with_keys=options.with_keys), end="")
    return 0


def _keys(environment: Environment) -> dict[str, str]:
    return {"field-key": ",".join(environment.field_keys), "secret-key": environment.secret_key}
