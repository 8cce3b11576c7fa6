"""`llmops restore FILE`: make the database what it was when the backup was made."""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from django.db import DatabaseError

from llmops.cli.backup import STANDARD_STREAM
from llmops.cli.database import database
from llmops.cli.programs import CannotStart
from llmops.env import Environment, environment_values, load_environment
from llmops.home import write_private


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="what `llmops backup` made; - is standard input")
    parser.add_argument("--force", action="store_true", help="replace everything that the database holds now")


def run(options: argparse.Namespace) -> int:
    environment = load_environment()
    if options.file != STANDARD_STREAM:
        return _run(environment, options.file, force=options.force)
    with tempfile.NamedTemporaryFile(dir=environment.home) as file:  # a zip is read from its end
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        return _run(environment, Path(file.name), force=options.force)


def _run(environment: Environment, file: Path, *, force: bool) -> int:
    started_at = time.monotonic()
    backup = importlib.import_module("llmops.backup.archive")
    try:
        kept = backup.kept_keys(file)
        _take_field_keys(environment, kept)
        manifest = _restore(environment, file, force=force)
        _take_secret_key(environment, kept)
    except backup.NoBackup as wrong:
        raise CannotStart(str(wrong)) from wrong
    print(
        f"Everything is as it was at {manifest.made_at}: {manifest.rows} rows of {len(manifest.tables)} tables,"
        f" each compared with what was written, in {time.monotonic() - started_at:.0f} s."
    )
    print("Start the platform with `make up`; everybody signs in again. Runs that were under way then go on.")
    return 0


def _restore(environment: Environment, file: Path, *, force: bool) -> Any:
    with database(environment, alone=True):
        backup = importlib.import_module("llmops.backup")
        try:
            return backup.restore(file, force=force)
        except backup.CannotRestore as why:
            raise CannotStart(str(why)) from why
        except DatabaseError as failed:
            raise CannotStart(
                f"the database failed ({str(failed).strip()}): mend it, and run this again with --force."
            ) from failed


def _take_field_keys(environment: Environment, kept: dict[str, str]) -> None:
    """Keys that the backup brings stand behind those of this machine, which stores with its own from now on."""
    brought = [key for key in kept.get("field-key", "").split(",") if key and key not in environment.field_keys]
    if brought and "LLMOPS_FIELD_KEYS" not in environment_values(os.environ):
        write_private(environment.home / "secrets" / "field-key", ",".join((*environment.field_keys, *brought)) + "\n")


def _take_secret_key(environment: Environment, kept: dict[str, str]) -> None:
    """Links in invitations that were sent before work again."""
    if "secret-key" in kept and "LLMOPS_SECRET_KEY" not in environment_values(os.environ):
        write_private(environment.home / "secrets" / "secret-key", kept["secret-key"] + "\n")
