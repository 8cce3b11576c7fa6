"""`llmops stop`: asks the supervisor to stop everything and waits until it did."""

import argparse
import os
import signal

from llmops.cli.programs import CannotStart
from llmops.cli.state import read_state, wait_until_free
from llmops.env import load_environment

_WITHIN_S = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--now", action="store_true", help="do not wait for model calls in flight")


def run(options: argparse.Namespace) -> int:
    home = load_environment().home
    state = read_state(home)
    if state is None:
        print(f"llmops does not run (data in {home}).")
        return 0
    for _ in range(2 if options.now else 1):
        os.kill(state.pid, signal.SIGTERM)
    if not wait_until_free(home, within_s=_WITHIN_S):
        raise CannotStart(f"it did not stop within {_WITHIN_S:.0f} s (process {state.pid}).")
    print("llmops stopped.")
    return 0
