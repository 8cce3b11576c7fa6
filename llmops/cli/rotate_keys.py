"""`llmops rotate-keys`: after a new key was put before the old one, all stored keys are encrypted with the new one."""

import argparse
import importlib

from llmops.cli.database import database
from llmops.env import load_environment
from llmops.home import new_field_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--new-key", action="store_true", help="only print a fresh key for LLMOPS_FIELD_KEYS")


def run(options: argparse.Namespace) -> int:
    if options.new_key:
        print(new_field_key())
        return 0
    with database(load_environment()):
        done = importlib.import_module("llmops.core.encrypted").encrypt_all_anew()
    many = "1 stored key is" if done.n_anew == 1 else f"{done.n_anew} stored keys are"
    print(f"{many} encrypted with the newest encryption key.")
    if done.n_unreadable:
        print(
            f"{done.n_unreadable} cannot be read and stay as they are: the encryption key with which they were stored"
            " is missing. Put it behind the others in LLMOPS_FIELD_KEYS, and run this again."
        )
        return 1
    print("The older encryption keys may go from LLMOPS_FIELD_KEYS, once every process has been started again.")
    return 0
