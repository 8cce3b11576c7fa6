"""`llmops migrate`: bring the database to this release; a second one beside it waits."""

import argparse

from django.core.management import call_command

from llmops.cli.database import database
from llmops.env import load_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(options: argparse.Namespace) -> int:
    with database(load_environment()):
        call_command("migrate", interactive=False, verbosity=1)
    return 0
