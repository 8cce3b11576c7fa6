"""The door from a subcommand to Django: opened when needed, since the supervisor does without."""

import importlib
import os
from typing import Protocol, cast

import django
import psycopg
from django.db import connection

from llmops.cli.programs import CannotStart
from llmops.cli.state import read_state
from llmops.env import Environment, load_environment


class Accounts(Protocol):
    """llmops.cli.accounts, which cannot be imported before Django is set up."""

    def create_admin(self, *, email: str, password: str) -> str: ...

    def create_api_key(self, *, project: str, name: str, scopes: list[str]) -> str: ...


def accounts() -> Accounts:
    """Set Django up in the environment of the running platform.

    Raises CannotStart when the database would be an embedded one and does not run, and when it cannot be used yet.
    """
    environment = load_environment()
    if not database_runs(environment):
        raise CannotStart(
            f"the platform does not run (data in {environment.home}): start it with `make up`. If it runs with data in "
            "another folder, LLMOPS_HOME says which; for a database of your own set DATABASE_URL."
        )
    open_django()
    expect_database()
    if "core_project" not in connection.introspection.table_names():
        raise CannotStart("the database is empty: run `llmops up`, or `llmops migrate`, first.")
    return cast(Accounts, importlib.import_module("llmops.cli.accounts"))


def database_runs(environment: Environment) -> bool:
    """Whether there is a database to speak with: one of the operator's, or that of the running platform."""
    return environment.own_database or read_state(environment.home) is not None


def expect_database() -> None:
    """Raises CannotStart, in the server's own words, when the database lets nobody in.

    Not through Django, whose pool would try for ten seconds and then say only that.
    """
    try:
        psycopg.connect(load_environment().database_url, connect_timeout=10).close()
    except psycopg.OperationalError as refused:
        said = " ".join(str(refused).rpartition("FATAL:")[2].split())
        raise CannotStart(f"the database cannot be used: {said}. Mend DATABASE_URL, or that server.") from refused


def open_django() -> None:
    """Set Django up; beside a running platform with its address, which `up --port` may have said."""
    if running := read_state(load_environment().home):
        os.environ.setdefault("LLMOPS_PUBLIC_URL", running.url)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmops.settings")
    django.setup()
