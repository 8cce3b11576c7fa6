"""`llmops up`: everything on this machine, in the foreground or detached."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys

from llmops.cli.platform import Platform
from llmops.cli.programs import signal_when_parent_dies
from llmops.cli.state import AlreadyRuns, read_state, sole_supervisor
from llmops.env import Environment, load_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", help="where the pages are (default: LLMOPS_PORT or 8000)")
    parser.add_argument("--host", help="the address to listen on (default: LLMOPS_HOST or 127.0.0.1)")
    parser.add_argument("--no-demo", action="store_true", help="do not fill a new project with examples")
    parser.add_argument("--detach", action="store_true", help="return once it runs; `llmops stop` stops it")
    parser.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)  # what --detach starts
    parser.add_argument("--stop-with-parent", action="store_true", help=argparse.SUPPRESS)  # for make


def run(options: argparse.Namespace) -> int:
    for variable, value in (("LLMOPS_PORT", options.port), ("LLMOPS_HOST", options.host)):
        if value is not None:
            os.environ[variable] = value
    environment = load_environment()
    if options.stop_with_parent:
        signal_when_parent_dies(signal.SIGTERM)
    try:
        with sole_supervisor(environment.home):
            if not options.detach:
                return Platform(environment, demo=not options.no_demo, detached=options.detached).run()
    except AlreadyRuns:
        print(_already_runs(environment))
        return 0
    return _detach(no_demo=options.no_demo)


def _already_runs(environment: Environment) -> str:
    state = read_state(environment.home)
    if state is None:
        return "llmops is just being started or stopped by somebody else."
    if state.state == "running":
        return f"llmops already runs: {state.url}"
    return f"llmops is {state.state} already: {state.url}"


def _detach(*, no_demo: bool) -> int:
    """Start this command again in a session of its own, and pass on what it says until it runs."""
    command = [sys.executable, "-m", "llmops.cli", "up", "--detached", *(["--no-demo"] if no_demo else [])]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    for line in child.stdout or ():
        print(line, end="", flush=True)
    # It closed its end: because it runs, or because it ended.
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(timeout=1)
    child.returncode = 0  # it is meant to outlive us, and Popen need not warn
    return 0
