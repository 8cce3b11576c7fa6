"""The test session: servers of its own, settings of its own, and no way out of this machine.

DATABASE_URL and REDIS_URL are used when set; otherwise a Postgres and a Redis are started in a temporary
folder, once, and xdist's workers inherit their addresses.
"""

import asyncio
import contextlib
import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
import uvloop
from django.conf import settings
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker, Settings

from llmops.cli.ports import free_port
from llmops.cli.postgres import PostgresServer
from llmops.cli.programs import running
from llmops.cli.valkey import RedisServer
from llmops.home import new_field_key

if TYPE_CHECKING:
    from tests.core.factories import Room

_REDIS_DATABASES = 64
_servers = contextlib.ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Runs before pytest-django loads the settings."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # as workers and web processes
    if settings.configured:
        raise pytest.UsageError("The settings were loaded too early: unset DJANGO_SETTINGS_MODULE.")
    if not hasattr(config, "workerinput"):
        _keep_bytecode()
        _prepare_environment()
        if not config.option.collectonly:
            _start_servers(Path(os.environ["LLMOPS_HOME"]))
    os.environ["REDIS_URL"] = _redis_of_this_worker(os.environ.get("REDIS_URL", ""))
    os.environ["DJANGO_SETTINGS_MODULE"] = "llmops.settings"
    settings.INSTALLED_APPS  # noqa: B018  loads the settings, so that pytest-django sets Django up before collection


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers load the settings after their own `pytest_configure`, not when they find this in the environment."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright keeps an event loop in the thread, which others could not share."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _servers.close()


def _keep_bytecode() -> None:
    """Even where Python is told not to: a program that a test starts takes seconds longer without."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def _prepare_environment() -> None:
    """Nothing of the developer's own configuration but DATABASE_URL and REDIS_URL reaches a test."""
    for name in list(os.environ):
        if name.startswith("LLMOPS_") or name.endswith("_API_KEY") or name == "DATABASE_REPLICA_URL":
            del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="llmops-test-"))
    _servers.callback(shutil.rmtree, home, ignore_errors=True)
    (home / "static").mkdir()
    os.environ |= {
        "LLMOPS_ENV_FILE": os.devnull,
        "LLMOPS_HOME": str(home),
        "LLMOPS_SECRET_KEY": "only-for-tests-" * 4,
        "LLMOPS_FIELD_KEYS": new_field_key(),
        "LLMOPS_LOCAL_MODEL": "0",
    }


def _start_servers(home: Path) -> None:
    if not os.environ.get("DATABASE_URL"):
        postgres = PostgresServer(home / "postgres", free_port(), "test", durable=False)
        postgres.create()
        _servers.enter_context(running(postgres.program(), log=home / "postgres.log"))
        os.environ["DATABASE_URL"] = postgres.url
    if not os.environ.get("REDIS_URL"):
        server = RedisServer(home / "redis", free_port(), "test", databases=_REDIS_DATABASES)
        _servers.enter_context(running(server.program(), log=home / "redis.log"))
        os.environ["REDIS_URL"] = server.url


def _redis_of_this_worker(url: str) -> str:
    """The same server, the database number of this xdist worker: gw0 has 1, gw1 has 2."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not (url and worker):
        return url
    return urlunsplit(urlsplit(url)._replace(path=f"/{int(worker.removeprefix('gw')) + 1}"))


@pytest.fixture(scope="session", autouse=True)
def _settings_for_tests() -> Iterator[None]:
    """Static files without a manifest, passwords without the deliberate slowness."""
    with override_settings(
        STORAGES={
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS],
    ):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """pytest-django's own, and at the end nobody else holds the test database, which could not be dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()


@pytest.fixture(autouse=True)
def _fresh_connection(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test with transactions of its own, which may have broken its connection, the next has another."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and marker.kwargs.get("transaction"):
        connection.close()


@pytest.fixture
def redis_client() -> Iterator[redis.Redis]:
    """This worker's Redis database, empty."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
        yield client


@pytest.fixture
def loopback(settings: Settings) -> None:
    """Model servers on this machine may be called."""
    settings.ALLOW_PRIVATE_URLS = "127.0.0.1"


@pytest.fixture(scope="session", autouse=True)
def _no_way_out() -> Iterator[None]:
    """A test that connects beyond this machine fails at once."""
    with pytest.MonkeyPatch.context() as patch:
        connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
        patch.setattr(socket.socket, "connect", lambda self, to: connect(self, _on_this_machine(to)))
        patch.setattr(socket.socket, "connect_ex", lambda self, to: connect_ex(self, _on_this_machine(to)))
        yield


def _on_this_machine(address: Any) -> Any:
    """`address`, when it is a loopback address or a local socket."""
    if isinstance(address, tuple) and not _is_loopback(str(address[0])):
        pytest.fail(f"A test tried to connect to {address[0]}:{address[1]}.", pytrace=True)
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture
def room() -> "Room":
    """A project and its administrator, signed in. The test says which database it wants."""
    from tests.core.factories import make_room  # models are there once Django is set up

    return make_room()
