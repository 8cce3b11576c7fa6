"""The `llmops` command: one module a subcommand, loaded when it is asked for.

A subcommand's module has `add_arguments(parser)` and `run(options) -> int`, the exit code.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from llmops.cli.programs import CannotStart


class _Command(NamedTuple):
    module: str
    summary: str


_COMMANDS = {
    "up": _Command("llmops.cli.up", "start everything; Ctrl-C stops it"),
    "stop": _Command("llmops.cli.stop", "stop what `up` started"),
    "status": _Command("llmops.cli.status", "say what runs, and where"),
    "doctor": _Command("llmops.cli.doctor", "look whether everything works, and say what to do"),
    "backup": _Command("llmops.cli.backup", "put everything that the database holds into one file"),
    "restore": _Command("llmops.cli.restore", "make the database what it was when a backup was made"),
    "rotate-keys": _Command("llmops.cli.rotate_keys", "encrypt all stored keys with the newest encryption key"),
    "migrate": _Command("llmops.cli.migrate", "bring the database to this release"),
    "web": _Command("llmops.cli.serve", "the pages alone, for several machines or containers"),
    "worker": _Command("llmops.cli.serve", "a worker alone, for several machines or containers"),
    "beat": _Command("llmops.cli.serve", "the clock of the platform alone, for several machines or containers"),
    "healthcheck": _Command("llmops.cli.healthcheck", "say by the exit code whether web, worker or beat works"),
    "createadmin": _Command("llmops.cli.createadmin", "make an administrator, or give one a new password"),
    "apikey": _Command("llmops.cli.apikey", "make a key for scripts"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in words if word in _COMMANDS), None)
    options = parser_for(chosen).parse_args(words)
    try:
        code = int(importlib.import_module(_COMMANDS[options.command].module).run(options))
        sys.stdout.flush()
        return code
    except CannotStart as sentence:
        print(f"llmops: {sentence}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has read enough, as head does. Python writes the rest when it ends, which nobody shall hear of.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def parser_for(chosen: str | None) -> argparse.ArgumentParser:
    """The parser of the command line, with the arguments of the subcommand `chosen`."""
    parser = argparse.ArgumentParser(prog="llmops", description="A platform for language-model features.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in _COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.summary, description=command.summary)
        if name == chosen:
            importlib.import_module(command.module).add_arguments(subparser)
    return parser
