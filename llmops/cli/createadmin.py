"""`llmops createadmin --email --password`."""

import argparse
import getpass
import sys

from llmops.cli.django_commands import accounts
from llmops.cli.programs import CannotStart
from llmops.env import load_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--email", help="default: LLMOPS_ADMIN_EMAIL")
    parser.add_argument("--password", help="default: LLMOPS_ADMIN_PASSWORD; asked for when neither is given")


def run(options: argparse.Namespace) -> int:
    environment = load_environment()
    email = options.email or environment.admin_email
    if "@" not in email:
        raise CannotStart("--email must be an e-mail address.")
    password = options.password or environment.admin_password or _asked_password(email)
    print(accounts().create_admin(email=email, password=password))
    return 0


def _asked_password(email: str) -> str:
    if not sys.stdin.isatty():
        raise CannotStart("--password is missing, and there is nobody to ask.")
    return getpass.getpass(f"Password for {email}: ")
