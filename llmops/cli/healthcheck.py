"""`llmops healthcheck web|worker|beat`: exit code 0 while that program of this machine works; asked often."""

import argparse
import socket

import psycopg

from llmops.cli.ports import answers_ok
from llmops.cli.programs import CannotStart
from llmops.env import Environment, load_environment, local_url
from llmops.home import read_addresses

_PATIENCE_S = 5
_SILENT_AFTER_S = 45
_OVER_REDIS = {"socket_connect_timeout": _PATIENCE_S, "socket_timeout": _PATIENCE_S}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", choices=tuple(_CHECKS))


def run(options: argparse.Namespace) -> int:
    if not _CHECKS[options.program](load_environment()):
        raise CannotStart(f"{options.program} does not answer.")
    return 0


def _web(environment: Environment) -> bool:
    """Where `llmops up` started it, whatever port it was told; else where the environment says that it is."""
    url = read_addresses(environment.home).get("web_url") or local_url(environment.host, environment.port)
    return answers_ok(f"{url}/livez", within_s=_PATIENCE_S)


def _worker(environment: Environment) -> bool:
    """The worker of this machine, asked by name over Redis."""
    from celery import Celery
    from kombu.exceptions import OperationalError

    name = f"worker@{socket.gethostname()}"
    with Celery(broker=environment.redis_url, broker_transport_options=_OVER_REDIS) as app:
        try:
            return bool(app.control.ping(destination=[name], timeout=_PATIENCE_S, limit=1))
        except OperationalError:
            return False


def _beat(environment: Environment) -> bool:
    """What beat leaves in the database. It tells no two of them apart, but there should be one."""
    query = "SELECT seen_at > clock_timestamp() - make_interval(secs => %s) FROM core_heartbeat WHERE name = 'beat'"
    try:
        with psycopg.connect(environment.database_url, connect_timeout=_PATIENCE_S) as database:
            return database.execute(query, [_SILENT_AFTER_S]).fetchone() == (True,)
    except psycopg.Error:
        return False


_CHECKS = {"web": _web, "worker": _worker, "beat": _beat}
