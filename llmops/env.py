"""The environment: every variable that the platform reads, checked once and typed.

Sources, the first that has a value wins: the process environment, `.env` in the checkout (or the file
that LLMOPS_ENV_FILE names), what a running `llmops up` left in LLMOPS_HOME (the addresses of its embedded
servers), the default.
An empty value counts as not set. This module needs no configured Django.
"""

import base64
import binascii
import ipaddress
import os
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import environ

from llmops.home import keep_secret, new_field_key, read_addresses
from llmops.outbound import OutboundPolicy

_PACKAGE_PARENT = Path(__file__).resolve().parent.parent
PROJECT_ROOT = _PACKAGE_PARENT if (_PACKAGE_PARENT / "manage.py").exists() else Path.cwd()

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_LOG_LEVELS = ("debug", "info", "warning", "error")
_LOG_FORMATS = ("auto", "text", "json")
_WILDCARD_HOSTS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
_FIELD_KEY_BYTES = 32

FALLBACK_DATABASE_URL = "postgres://llmops@127.0.0.1:5432/llmops"
FALLBACK_REDIS_URL = "redis://127.0.0.1:6379/0"


class BadEnvironment(ValueError):
    """One sentence: which variable, and what it may be."""

    def __init__(self, variable: str, may_be: str) -> None:
        super().__init__(f"{variable} {may_be}")
        self.variable = variable


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says. Secrets are left out of the repr."""

    home: Path
    host: str
    port: int
    public_url: str
    allowed_hosts: tuple[str, ...]
    debug: bool
    log_level: str
    log_format: str  # "auto" = text for people at a terminal, JSON for files
    web_processes: int
    worker_processes: int
    lease_s: int  # how long a worker may be silent before its rows are given to another

    database_url: str = field(repr=False)
    database_replica_url: str = field(repr=False)  # "" = no replica
    redis_url: str = field(repr=False)
    own_database: bool  # DATABASE_URL was given, so no embedded Postgres is started
    own_redis: bool  # REDIS_URL was given, so no embedded Redis is started

    secret_key: str = field(repr=False)
    field_keys: tuple[str, ...] = field(repr=False)  # Fernet keys, the one that encrypts first
    metrics_token: str = field(repr=False)  # "" = /metrics for this machine alone
    admin_email: str
    admin_password: str = field(repr=False)
    email_url: str = field(repr=False)  # "" = mail is written to the log of the worker
    email_from: str
    trusted_proxies: tuple[str, ...]  # networks whose word on a visitor's address is taken

    allow_private_urls: str  # "" = public addresses only; read by outbound.OutboundPolicy
    local_model: bool
    local_model_url: str  # "" = the local model is off or not started yet
    openai_api_key: str = field(repr=False)
    anthropic_api_key: str = field(repr=False)
    cohere_api_key: str = field(repr=False)

    def secrets(self) -> tuple[str, ...]:
        """Every secret in it, for the redaction of logs."""
        urls = (self.database_url, self.database_replica_url, self.redis_url, self.email_url)
        passwords = [unquote(urlsplit(url).password or "") for url in urls]
        keys = (self.openai_api_key, self.anthropic_api_key, self.cohere_api_key)
        return (self.secret_key, *self.field_keys, self.admin_password, self.metrics_token, *passwords, *keys)


def load_environment() -> Environment:
    """The environment of this process; a bad value ends it with its sentence and no traceback."""
    try:
        return read_environment(environment_values(os.environ))
    except BadEnvironment as bad:
        sys.stderr.write(f"llmops cannot start: {bad}\n")
        raise SystemExit(2) from bad


def environment_values(process: Mapping[str, str]) -> dict[str, str]:
    """The values of a process environment over those of the `.env` file. Raises BadEnvironment."""
    given = _set_values(process)
    return {**read_dot_env(PROJECT_ROOT / given.get("LLMOPS_ENV_FILE", ".env")), **given}


def read_environment(values: Mapping[str, str], *, root: Path = PROJECT_ROOT) -> Environment:
    """Check and type `values`. Missing secrets are made once under `home`/secrets (mode 0600).

    Relative paths count from `root`. Raises BadEnvironment.
    """
    values = _set_values(values)
    home = (root / Path(values.get("LLMOPS_HOME", "var")).expanduser()).resolve()
    running = read_addresses(home)
    host = values.get("LLMOPS_HOST", "127.0.0.1")
    port = _whole_number(values, "LLMOPS_PORT", 8000, low=1, high=65535)
    return Environment(
        home=home,
        host=_checked_host(host),
        port=port,
        public_url=_url(values, "LLMOPS_PUBLIC_URL", ("http", "https")).rstrip("/") or local_url(host, port),
        allowed_hosts=_allowed_hosts(values, host),
        debug=_yes_or_no(values, "LLMOPS_DEBUG", default=False),
        log_level=_one_of(values, "LLMOPS_LOG_LEVEL", _LOG_LEVELS, default="info"),
        log_format=_one_of(values, "LLMOPS_LOG_FORMAT", _LOG_FORMATS, default="auto"),
        web_processes=_whole_number(values, "LLMOPS_WEB_PROCESSES", min(2, _processors()), low=1, high=64),
        worker_processes=_whole_number(values, "LLMOPS_WORKER_PROCESSES", 2, low=1, high=64),
        lease_s=_whole_number(values, "LLMOPS_LEASE_S", 30, low=1, high=3600),
        database_url=_url(values, "DATABASE_URL", ("postgres", "postgresql"))
        or running.get("database_url", FALLBACK_DATABASE_URL),
        database_replica_url=_url(values, "DATABASE_REPLICA_URL", ("postgres", "postgresql")),
        redis_url=_url(values, "REDIS_URL", ("redis", "rediss")) or running.get("redis_url", FALLBACK_REDIS_URL),
        own_database="DATABASE_URL" in values,
        own_redis="REDIS_URL" in values,
        secret_key=_secret_key(values, home),
        field_keys=_field_keys(values, home),
        metrics_token=_metrics_token(values),
        admin_email=_email(values, "LLMOPS_ADMIN_EMAIL"),
        admin_password=values.get("LLMOPS_ADMIN_PASSWORD", ""),
        email_url=_url(values, "LLMOPS_EMAIL_URL", ("smtp", "smtp+tls", "smtp+ssl")),
        email_from=_email(values, "LLMOPS_EMAIL_FROM") or "llmops@localhost",
        trusted_proxies=_networks(values, "LLMOPS_TRUSTED_PROXIES") or ("127.0.0.0/8", "::1/128"),
        allow_private_urls=_private_urls(values),
        local_model=_yes_or_no(values, "LLMOPS_LOCAL_MODEL", default=True),
        local_model_url=_url(values, "LLMOPS_LOCAL_MODEL_URL", ("http",)) or running.get("local_model_url", ""),
        openai_api_key=values.get("OPENAI_API_KEY", ""),
        anthropic_api_key=values.get("ANTHROPIC_API_KEY", ""),
        cohere_api_key=values.get("COHERE_API_KEY", ""),
    )


def local_url(host: str, port: int) -> str:
    """The address to open on this machine when the web server listens on `host`."""
    reachable = "127.0.0.1" if host in _WILDCARD_HOSTS else host
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def read_dot_env(path: Path) -> dict[str, str]:
    """The values of a `.env` file, empty ones left out; {} when there is no such file."""

    class DotEnv(environ.Env):
        ENVIRON: ClassVar[dict[str, str]] = {}

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        # The parser takes a space after a closing quote for a part of the value.
        DotEnv.read_env(StringIO("\n".join(line.rstrip() for line in lines)))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as unreadable:
        raise BadEnvironment(".env", f"must be a readable UTF-8 text file ({unreadable}).") from unreadable
    return _set_values(DotEnv.ENVIRON)


def _set_values(values: Mapping[str, str]) -> dict[str, str]:
    stripped = {name: value.strip() for name, value in values.items()}
    return {name: value for name, value in stripped.items() if value}


def _secret_key(values: Mapping[str, str], home: Path) -> str:
    key = values.get("LLMOPS_SECRET_KEY", "")
    if not key:
        return _kept(home, "secret-key", lambda: secrets.token_urlsafe(50))
    if len(key) < 50:
        raise BadEnvironment("LLMOPS_SECRET_KEY", "must have at least 50 characters, all random.")
    return key


def _field_keys(values: Mapping[str, str], home: Path) -> tuple[str, ...]:
    keys = _words(values, "LLMOPS_FIELD_KEYS")
    if not keys:
        keys = tuple(_kept(home, "field-key", new_field_key).split(","))
    for key in keys:
        try:
            long_enough = len(base64.b64decode(key, altchars=b"-_", validate=True)) == _FIELD_KEY_BYTES
        except (binascii.Error, ValueError):
            long_enough = False
        if not long_enough:
            raise BadEnvironment(
                "LLMOPS_FIELD_KEYS",
                "must be Fernet keys (32 random bytes in URL-safe base64) with commas between, newest first.",
            )
    return keys


def _metrics_token(values: Mapping[str, str]) -> str:
    token = values.get("LLMOPS_METRICS_TOKEN", "")
    if token and len(token) < 20:
        raise BadEnvironment("LLMOPS_METRICS_TOKEN", "must have at least 20 characters, all random.")
    return token


def _kept(home: Path, name: str, make: Callable[[], str]) -> str:
    try:
        return keep_secret(home, name, make)
    except OSError as refused:
        raise BadEnvironment(
            "LLMOPS_HOME", f"must be a folder that this user may write to ({refused.strerror}: {home})."
        ) from refused


def _whole_number(values: Mapping[str, str], variable: str, default: int, *, low: int, high: int) -> int:
    text = values.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise BadEnvironment(variable, f"must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _yes_or_no(values: Mapping[str, str], variable: str, *, default: bool) -> bool:
    text = values.get(variable, "1" if default else "0").lower()
    if text not in _YES | _NO:
        raise BadEnvironment(variable, f"must be 1 or 0, not {text!r}.")
    return text in _YES


def _private_urls(values: Mapping[str, str]) -> str:
    text = values.get("LLMOPS_ALLOW_PRIVATE_URLS", "")
    try:
        OutboundPolicy.from_text(text)
    except ValueError as wrong:
        may_be = f"must be 1, or hosts, addresses and networks separated by commas: {wrong}."
        raise BadEnvironment("LLMOPS_ALLOW_PRIVATE_URLS", may_be) from wrong
    return text


def _one_of(values: Mapping[str, str], variable: str, choices: tuple[str, ...], *, default: str) -> str:
    text = values.get(variable, default).lower()
    if text not in choices:
        raise BadEnvironment(variable, f"must be one of {', '.join(choices)}, not {text!r}.")
    return text


def _words(values: Mapping[str, str], variable: str) -> tuple[str, ...]:
    return tuple(word for part in values.get(variable, "").split(",") if (word := part.strip()))


def _networks(values: Mapping[str, str], variable: str) -> tuple[str, ...]:
    """Addresses and networks as networks."""
    try:
        return tuple(str(ipaddress.ip_network(word, strict=False)) for word in _words(values, variable))
    except ValueError as wrong:
        raise BadEnvironment(variable, f"must be addresses and networks separated by commas: {wrong}.") from wrong


def _url(values: Mapping[str, str], variable: str, schemes: tuple[str, ...]) -> str:
    """The address, or "" when not set. The value stays out of the sentence: it may hold a password."""
    text = values.get(variable, "")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise BadEnvironment(variable, f"must be an address such as {_EXAMPLES[schemes[0]]}.")
    return text


_EXAMPLES = {
    "postgres": "postgres://user:password@host:5432/name",
    "redis": "redis://:password@host:6379/0",
    "http": "http://host:8000",
    "smtp": "smtp+tls://user:password@host:587",
}


def _email(values: Mapping[str, str], variable: str) -> str:
    text = values.get(variable, "")
    name, at, domain = text.rpartition("@")
    if text and not (name and at and domain and " " not in text):
        raise BadEnvironment(variable, f"must be an e-mail address, not {text!r}.")
    return text


def _checked_host(host: str) -> str:
    if any(character in host for character in " /,@") or "://" in host:
        raise BadEnvironment(
            "LLMOPS_HOST", f"must be a host name or an address such as 127.0.0.1 or 0.0.0.0, not {host!r}."
        )
    return host


def _allowed_hosts(values: Mapping[str, str], host: str) -> tuple[str, ...]:
    """This machine's own names are always among them: health checks and `llmops up` ask by these."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if given := _words(values, "LLMOPS_ALLOWED_HOSTS"):
        names.extend(given)
    elif host in _WILDCARD_HOSTS:
        names.append(socket.gethostname())
    elif host not in ("localhost", "127.0.0.1", "::1"):
        names.append(f"[{host}]" if ":" in host else host)
    return tuple(dict.fromkeys(names))
