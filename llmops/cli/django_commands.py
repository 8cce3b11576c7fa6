"""The door from a subcommand to Django: opened when needed, since the supervisor does without."""

import importlib
import os
from typing import Protocol, cast

import django

from llmops.cli.programs import CannotStart
from llmops.cli.state import read_state
from llmops.env import Environment, load_environment


class Accounts(Protocol):
    """llmops.cli.accounts, which cannot be imported before Django is set up."""

    def create_admin(self, *, email: str, password: str) -> None: ...

    def create_api_key(self, *, project: str, name: str, scopes: list[str]) -> str: ...


def accounts() -> Accounts:
    """Set Django up in the environment of the running platform.

    Raises CannotStart when the database would be an embedded one and does not run.
    """
    if not database_runs(load_environment()):
        raise CannotStart("the platform does not run: start it with `make up`, or set DATABASE_URL.")
    open_django()
    return cast(Accounts, importlib.import_module("llmops.cli.accounts"))


def database_runs(environment: Environment) -> bool:
    """Whether there is a database to speak with: one of the operator's, or that of the running platform."""
    return environment.own_database or read_state(environment.home) is not None


def open_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmops.settings")
    django.setup()
