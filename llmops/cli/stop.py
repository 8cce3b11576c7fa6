"""`llmops stop`: asks the supervisor to stop everything and waits until it did."""

import argparse
import os
import signal

from llmops.cli.programs import CannotStart
from llmops.cli.state import born, read_state, wait_until
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
    supervisor = born(state.pid)

    def is_gone() -> bool:
        # It lets go of its folder a moment before it ends.
        return read_state(home) is None and (supervisor is None or born(state.pid) != supervisor)

    os.kill(state.pid, signal.SIGQUIT if options.now else signal.SIGTERM)
    if not wait_until(is_gone, _WITHIN_S):
        raise CannotStart(f"it did not stop within {_WITHIN_S:.0f} s (process {state.pid}).")
    print("llmops stopped.")
    return 0
