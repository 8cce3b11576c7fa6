"""`llmops web`, `worker`, `beat`: one program of the platform by itself, for several machines or containers.

The command becomes the program, so whoever started it watches and stops that.
"""

import argparse
import importlib
import os
from dataclasses import replace
from typing import NoReturn

from llmops.cli.django_commands import open_django
from llmops.cli.parts import parts_of
from llmops.cli.programs import CannotStart
from llmops.env import load_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(options: argparse.Namespace) -> NoReturn:
    environment = load_environment()
    if not (environment.own_database and environment.own_redis):
        raise CannotStart(f"`llmops {options.command}` needs DATABASE_URL and REDIS_URL; `llmops up` needs neither.")
    if options.command == "web":
        open_django()
        importlib.import_module("llmops.cli.static_files").collect_static_files()
    parts = parts_of(replace(environment, local_model=False))
    program = next(each for each in (parts.web, *parts.background) if each.name == options.command)
    os.environ.update(program.environment)
    os.execv(program.command[0], program.command)  # noqa: S606  the very programs that `up` starts
