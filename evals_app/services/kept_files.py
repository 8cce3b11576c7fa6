"""Uploaded files between the steps of an import: under LLMOPS_HOME, for a day, for one person and one dataset."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core import signing

from evals_app.models import Dataset
from llmops.core.models import User

KEPT_S = 24 * 3600
_SALT = "evals_app.kept_file"


class FileGone(LookupError):
    """The file was swept, was imported already, or belongs to somebody else."""

    message = "The uploaded file is not here any more: files are kept for a day. Choose it again."


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file on this machine's disk and the name that it had on the person's own."""

    path: Path
    filename: str


def file_keep(pieces: Iterable[bytes], *, filename: str, dataset: Dataset, user: User) -> str:
    """Keep a file and give the signed token that finds it again. Sweeps those that are too old."""
    kept_files_sweep()
    name = secrets.token_hex(16)
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{name}.part"
    with draft.open("wb") as file:
        draft.chmod(0o600)
        for piece in pieces:
            file.write(piece)
    draft.rename(folder / name)
    return signing.dumps([name, dataset.pk, user.pk, filename[-200:]], salt=_SALT, compress=True)


def kept_file(token: str, *, dataset: Dataset, user: User) -> KeptFile:
    """The file of this token. Raises FileGone."""
    try:
        name, dataset_pk, user_pk, filename = signing.loads(token, salt=_SALT, max_age=KEPT_S)
    except (signing.BadSignature, ValueError) as unknown:
        raise FileGone from unknown
    path = _folder() / name
    if (dataset_pk, user_pk) != (dataset.pk, user.pk) or not path.is_file():
        raise FileGone
    return KeptFile(path, filename)


def beside(kept: KeptFile, ending: str) -> Path:
    """A file of our own that belongs to a kept one and goes when it goes."""
    return kept.path.with_name(f"{kept.path.name}.{ending}")


def file_forget(kept: KeptFile) -> None:
    """Take a file away, and what lies beside it. Idempotent."""
    for path in [kept.path, *kept.path.parent.glob(f"{kept.path.name}.*")]:
        path.unlink(missing_ok=True)


def kept_files_sweep(*, now_s: float | None = None) -> int:
    """Take away files older than a day; gives how many. Safe beside others that do the same."""
    oldest = (time.time() if now_s is None else now_s) - KEPT_S
    swept = 0
    for path in _folder().glob("*"):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
                swept += 1
        except FileNotFoundError:
            continue
    return swept


def _folder() -> Path:
    return Path(settings.ENVIRONMENT.home) / "uploads"
