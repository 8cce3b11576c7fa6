"""`llmops apikey create --project demo --scopes all`: the key stands alone on the last line."""

import argparse

from llmops.cli.django_commands import accounts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    create = actions.add_parser("create", help="make a key and print it once")
    create.add_argument("--project", required=True, help="the project's short name, such as demo")
    create.add_argument("--scopes", default="all", help="separated by commas (default: all)")
    create.add_argument("--name", default="command line", help="what the key is for")


def run(options: argparse.Namespace) -> int:
    scopes = [scope.strip() for scope in options.scopes.split(",") if scope.strip()]
    key = accounts().create_api_key(project=options.project, name=options.name, scopes=scopes)
    print(f"A key of project {options.project} for {options.name}; it is not shown again:")
    print(key)
    return 0
