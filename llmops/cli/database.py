"""The database for one command: that of the operator, that of the running platform, or the embedded one by itself."""

import contextlib
import os
from collections.abc import Iterator

from llmops.cli.django_commands import open_django
from llmops.cli.parts import postgres_of
from llmops.cli.programs import CannotStart, running
from llmops.cli.state import AlreadyRuns, end_leftovers, read_state, sole_supervisor
from llmops.env import Environment


@contextlib.contextmanager
def database(environment: Environment, *, alone: bool = False) -> Iterator[None]:
    """Django is set up over the database within the block; an embedded one that does not run is started for it.

    `alone`: nothing of the platform may work on this machine meanwhile. Raises CannotStart.
    """
    runs = read_state(environment.home) is not None
    if runs and alone:
        raise CannotStart("the platform runs: stop it first with `llmops stop`.")
    with contextlib.ExitStack() as stack:
        embedded = not (runs or environment.own_database)
        if embedded or alone:
            stack.enter_context(_nobody_starts(environment))
        if embedded:
            stack.enter_context(_embedded_server(environment))
        os.environ["PGAPPNAME"] = f"llmops command {os.getpid()}"  # tells its sessions from those of others
        open_django()
        yield


@contextlib.contextmanager
def _nobody_starts(environment: Environment) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(sole_supervisor(environment.home))
        except AlreadyRuns:
            raise CannotStart("the platform is just being started or stopped: try again in a moment.") from None
        yield


@contextlib.contextmanager
def _embedded_server(environment: Environment) -> Iterator[None]:
    end_leftovers(environment.home)
    server = postgres_of(environment.home)
    log = environment.home / "logs" / "postgres.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with running(server.program(), log=log):
        os.environ["DATABASE_URL"] = server.url
        yield
