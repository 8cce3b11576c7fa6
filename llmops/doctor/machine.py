"""This machine: disk, secrets, the local model, and the addresses that people type."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from llmops.doctor.findings import Finding, fail, ok, warn

_GB = 1024**3
LEAST_FREE = 1 * _GB
ENOUGH_FREE = 5 * _GB


def examine_machine(home: Path) -> Iterator[Finding]:
    """Every finding that needs no other server but the local model."""
    yield disk(shutil.disk_usage(home).free, home)
    yield secrets_folder(home / "secrets")
    yield addresses(settings.PUBLIC_URL, settings.ALLOWED_HOSTS)
    yield local_model(settings.LOCAL_MODEL, settings.LOCAL_MODEL_URL)


def disk(free: int, home: Path) -> Finding:
    text = f"{free / _GB:.1f} GB are free where {home} is."
    if free < LEAST_FREE:
        return fail("disk", text, "Make room: a full disk stops the database.")
    if free < ENOUGH_FREE:
        return warn("disk", text, "Make room soon.")
    return ok("disk", text)


def secrets_folder(folder: Path) -> Finding:
    open_to_others = [path.name for path in (folder, *folder.glob("[!.]*")) if path.stat().st_mode & 0o077]
    if open_to_others:
        text = f"Other users of this machine may read {', '.join(sorted(open_to_others))} in {folder}."
        return fail("secrets", text, f"Run: chmod -R go= {folder}")
    return ok("secrets", "Only this user may read the secrets.")


def addresses(public_url: str, allowed: list[str]) -> Finding:
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if not validate_host(shown, allowed):
        advice = f"Add {shown} to LLMOPS_ALLOWED_HOSTS, or mend LLMOPS_PUBLIC_URL."
        return fail("addresses", f"Pages refuse the address {public_url}: its host is not allowed.", advice)
    if parts.scheme == "http" and not validate_host(shown, ["localhost", "127.0.0.1", "[::1]"]):
        text = f"Passwords and keys travel unencrypted to {public_url}."
        return warn("addresses", text, "Put a proxy with TLS in front, and set LLMOPS_PUBLIC_URL to its https address.")
    return ok("addresses", f"Pages are at {public_url}.")


def local_model(wanted: bool, url: str) -> Finding:
    if not wanted:
        return ok("local model", "Off.")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=3) as answer:
            if answer.status == 200:
                return ok("local model", "It answers.")
    except (urllib.error.URLError, OSError, ValueError):
        pass
    return warn(
        "local model",
        "It does not answer, so the connection “local” does not work.",
        "Start it with `llmops up`, or set LLMOPS_LOCAL_MODEL=0.",
    )
