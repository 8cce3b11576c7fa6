"""`llmops doctor`: looks whether everything works. Exit code 0 when it does (warnings included), 1 when not."""

import argparse
import importlib
import json
from dataclasses import asdict

from llmops.cli.django_commands import database_runs, open_django
from llmops.env import load_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(options: argparse.Namespace) -> int:
    environment = load_environment()
    open_django()
    doctor = importlib.import_module("llmops.doctor")
    look = doctor.examine if database_runs(environment) else doctor.examine_stopped
    findings = look(environment.home)
    failed = [finding for finding in findings if finding.level == "fail"]
    if options.json:
        print(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(f"{finding.level.upper():<5} {finding.check:<12} {finding.text} {finding.advice}".rstrip())
    return 1 if failed else 0
