"""The embedded servers, started for real in an awkward folder."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis

from llmops.cli.ports import free_port, is_free
from llmops.cli.postgres import PostgresServer
from llmops.cli.programs import running
from llmops.cli.valkey import RedisServer


@pytest.fixture
def awkward(tmp_path: Path) -> Path:
    """A folder with a space, a quote and more characters than a socket path may have."""
    folder = tmp_path / "a folder's name" / ("long" * 30)
    folder.mkdir(parents=True)
    return folder


def test_postgres_keeps_data_over_a_kill(awkward: Path) -> None:
    server = PostgresServer(awkward / "postgres", free_port(), "secret word", durable=True)
    server.create()
    with running(server.program(), log=awkward / "log"), psycopg.connect(server.url) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("CREATE TABLE kept AS SELECT 'Ärger' AS word")
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SELECT upper(word) FROM kept").fetchone() == ("ÄRGER",)
        connection.commit()
        postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
        os.killpg(postmaster, 9)

    server.create()
    with running(server.program(), log=awkward / "log"), psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("Ärger",)
    assert is_free("127.0.0.1", server.port)


def test_postgres_wants_its_password(awkward: Path) -> None:
    server = PostgresServer(awkward / "postgres", free_port(), "right", durable=False)
    server.create()
    with (
        running(server.program(), log=awkward / "log"),
        pytest.raises(psycopg.OperationalError, match="password"),
    ):
        psycopg.connect(server.url.replace("right", "wrong"))


def test_half_made_data_folder_is_made_anew(awkward: Path) -> None:
    (awkward / "postgres.new").mkdir()
    (awkward / "postgres.new" / "PG_VERSION").write_text("18")
    server = PostgresServer(awkward / "postgres", free_port(), "x", durable=False)
    server.create()
    assert (server.data / "global" / "pg_control").exists()
    assert not (awkward / "postgres.new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_data_that_another_user_ran_is_taken_over(awkward: Path) -> None:
    server = PostgresServer(awkward / "postgres", free_port(), "x", durable=False)
    server.create()
    for path in (server.data, *server.data.rglob("*")):
        os.chown(path, 12_345, 12_345)
    with running(server.program(), log=awkward / "log"), psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_redis_wants_its_password(awkward: Path) -> None:
    server = RedisServer(awkward / "redis", free_port(), "right")
    with running(server.program(), log=awkward / "log"):
        assert redis.Redis.from_url(server.url).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(server.url.replace(":right@", ":wrong@")).ping()
    assert (server.folder / "redis.conf").stat().st_mode & 0o077 == 0
    assert "right" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout
