"""`llmops status`: exit code 0 when the platform runs, 3 when it does not."""

import argparse
import json
from dataclasses import asdict

from llmops.cli.state import read_state
from llmops.env import load_environment

NOT_RUNNING = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(options: argparse.Namespace) -> int:
    environment = load_environment()
    state = read_state(environment.home)
    if options.json:
        print(json.dumps(asdict(state) if state else {"state": "stopped"}))
    elif state is None:
        print(f"llmops does not run (data in {environment.home}).")
    else:
        print(f"llmops is {state.state}: {state.url}")
        for child in state.children:
            again = f"  started again {child.restarts}x" if child.restarts else ""
            print(f"  {child.name:<12} {child.state:<9} pid {child.pid or '-':<8}{again}".rstrip())
    return 0 if state else NOT_RUNNING
