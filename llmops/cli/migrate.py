"""`llmops migrate`: bring the database to this release, while pages and workers of the last one go on."""

import argparse
import importlib

from django.core.management import call_command

from llmops.cli.database import database
from llmops.env import load_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--first-start", action="store_true", help="also make the first administrator and a project, once"
    )
    parser.add_argument("--no-demo", action="store_true", help="do not fill a new project with examples")


def run(options: argparse.Namespace) -> int:
    with database(load_environment()):
        importlib.import_module("llmops.cli.migrations").apply_migrations()
        print("The database is that of this release.")
        if options.first_start:
            call_command("first_start", no_demo=options.no_demo)
    return 0
