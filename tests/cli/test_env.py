"""The environment: where values come from, what they may be, what is made when missing."""

import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmops.env import BadEnvironment, Environment, environment_values, local_url, read_environment
from llmops.home import addresses_path, keep_secret, new_field_key, write_private

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


def _read(home: Path, **values: str) -> Environment:
    return read_environment({"LLMOPS_HOME": str(home), **values})


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    environment = _read(tmp_path)
    assert (environment.host, environment.port) == ("127.0.0.1", 8000)
    assert environment.public_url == "http://127.0.0.1:8000"
    assert (environment.own_database, environment.own_redis) == (False, False)
    assert environment.local_model
    assert environment.allow_private_urls == ""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LLMOPS_PORT", "0"),
        ("LLMOPS_PORT", "65536"),
        ("LLMOPS_PORT", "80.0"),
        ("LLMOPS_PORT", "٣"),
        ("LLMOPS_WEB_PROCESSES", "0"),
        ("LLMOPS_WORKER_PROCESSES", "0"),
        ("LLMOPS_LOCAL_MODEL", "2"),
        ("LLMOPS_LOG_LEVEL", "loud"),
        ("LLMOPS_HOST", "http://localhost"),
        ("LLMOPS_PUBLIC_URL", "llmops.example.org"),
        ("LLMOPS_ADMIN_EMAIL", "nobody"),
        ("LLMOPS_SECRET_KEY", "short"),
        ("LLMOPS_FIELD_KEYS", f"{KEY},not-a-key"),
        ("LLMOPS_FIELD_KEYS", base64.b64encode(b"too few bytes").decode()),
        ("DATABASE_URL", "sqlite:///x"),
        ("DATABASE_URL", "postgres://host:port/name"),
        ("REDIS_URL", "127.0.0.1:6379"),
    ],
)
def test_bad_value_is_one_sentence_that_names_the_variable(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(BadEnvironment) as caught:
        _read(tmp_path, **{variable: value})
    assert caught.value.variable == variable
    sentence = str(caught.value)
    assert sentence.startswith(f"{variable} must ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_wrong_address_does_not_show_its_password(tmp_path: Path) -> None:
    with pytest.raises(BadEnvironment) as caught:
        _read(tmp_path, DATABASE_URL="mysql://me:hunter2@host/name")
    assert "hunter2" not in str(caught.value)


def test_secrets_stay_out_of_the_repr(tmp_path: Path) -> None:
    shown = repr(
        _read(
            tmp_path,
            LLMOPS_SECRET_KEY="canary" * 10,
            LLMOPS_FIELD_KEYS=KEY,
            LLMOPS_ADMIN_PASSWORD="canary",
            OPENAI_API_KEY="canary",
            ANTHROPIC_API_KEY="canary",
            COHERE_API_KEY="canary",
            DATABASE_URL="postgres://me:canary@host/name",
            DATABASE_REPLICA_URL="postgres://me:canary@host/name",
            REDIS_URL="redis://:canary@host/0",
        )
    )
    assert "canary" not in shown
    assert KEY not in shown


def test_empty_value_is_no_value(tmp_path: Path) -> None:
    environment = _read(tmp_path, LLMOPS_PORT="", DATABASE_URL="  ")
    assert (environment.port, environment.own_database) == (8000, False)


def test_file_is_read_and_the_shell_goes_before_it(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("\ufeffLLMOPS_PORT=9000\nexport LLMOPS_HOST='0.0.0.0'  \n# REDIS_URL=redis://x\nOPENAI_API_KEY=\n")
    values = environment_values({"LLMOPS_ENV_FILE": str(file), "LLMOPS_PORT": "9001", "LLMOPS_HOST": ""})
    assert values["LLMOPS_PORT"] == "9001"
    assert values["LLMOPS_HOST"] == "0.0.0.0"  # noqa: S104 - read, not bound
    assert not {"REDIS_URL", "OPENAI_API_KEY"} & values.keys()


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_bytes(b"LLMOPS_HOST=\xff\xfe")
    with pytest.raises(BadEnvironment, match=r"^\.env must be a readable UTF-8 text file"):
        environment_values({"LLMOPS_ENV_FILE": str(file)})


def test_missing_secrets_are_made_once_for_this_user_alone(tmp_path: Path) -> None:
    first, second = _read(tmp_path), _read(tmp_path)
    assert first.secret_key == second.secret_key
    assert first.field_keys == second.field_keys
    assert len(first.secret_key) >= 50
    assert len(base64.urlsafe_b64decode(first.field_keys[0])) == 32
    assert _read(tmp_path / "other").secret_key != first.secret_key
    for name in ("secret-key", "field-key"):
        assert (tmp_path / "secrets" / name).stat().st_mode & 0o777 == 0o600


def test_given_secrets_are_used_and_none_are_written(tmp_path: Path) -> None:
    environment = _read(tmp_path, LLMOPS_SECRET_KEY="x" * 50, LLMOPS_FIELD_KEYS=f"{KEY}, {new_field_key()}")
    assert environment.field_keys[0] == KEY
    assert len(environment.field_keys) == 2
    assert not (tmp_path / "secrets").exists()


def test_processes_that_start_together_get_one_secret(tmp_path: Path) -> None:
    code = "import sys; from llmops.env import load_environment; print(load_environment().secret_key)"
    variables = os.environ | {"LLMOPS_HOME": str(tmp_path), "LLMOPS_SECRET_KEY": ""}

    def ask(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
        ).stdout

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1


def test_empty_secret_file_is_filled_again(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "name").touch()
    assert keep_secret(tmp_path, "name", lambda: "fresh") == "fresh"
    assert keep_secret(tmp_path, "name", lambda: "other") == "fresh"


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BadEnvironment, match=r"^LLMOPS_HOME must be a folder that this user may write to"):
        _read(tmp_path / "file")


def test_addresses_of_the_running_platform_are_found(tmp_path: Path) -> None:
    addresses_path(tmp_path).parent.mkdir(parents=True)
    write_private(addresses_path(tmp_path), '{"database_url": "postgres://found/x", "redis_url": ""}')
    environment = _read(tmp_path)
    assert environment.database_url == "postgres://found/x"
    assert not environment.own_database
    assert _read(tmp_path, DATABASE_URL="postgres://given/x").database_url == "postgres://given/x"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - written down, not bound
        ("::1", "http://[::1]:80"),
        ("example.org", "http://example.org:80"),
    ],
)
def test_address_to_open(host: str, url: str) -> None:
    assert local_url(host, 80) == url


def test_a_command_ends_quietly_when_nobody_reads_on() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "llmops.cli", "rotate-keys", "--new-key"]
        ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")
