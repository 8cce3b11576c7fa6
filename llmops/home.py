"""LLMOPS_HOME, the one folder of data: secrets in `secrets/`, state of the running platform in `run/`."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def addresses_path(home: Path) -> Path:
    """Where `llmops up` leaves the addresses of what it started, for commands beside it."""
    return home / "run" / "addresses.json"


def read_addresses(home: Path) -> dict[str, str]:
    """`database_url`, `redis_url`, `local_model_url`, `url` and `web_url` (from this machine) of the running platform;
    {} when none is."""
    try:
        addresses = json.loads(addresses_path(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(address) for name, address in addresses.items() if address}


def keep_secret(home: Path, name: str, make: Callable[[], str]) -> str:
    """The secret `home`/secrets/`name`, made by `make` when it is not there. Mode 0600.

    Safe when two processes start at once: both end with the same secret.
    """
    path = home / "secrets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    with (path.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists() and (kept := path.read_text(encoding="utf-8").strip()):
            return kept
        secret = make()
        write_private(path, secret + "\n")
        return secret


def write_private(path: Path, text: str) -> None:
    """Replace `path` as a whole, readable by this user alone: a reader sees the old text or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def new_field_key() -> str:
    """A fresh Fernet key (32 random bytes, URL-safe base64)."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def new_password() -> str:
    """A password for programs to use with each other."""
    return secrets.token_urlsafe(24)
