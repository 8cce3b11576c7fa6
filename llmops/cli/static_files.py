"""Static files, gathered and compressed into STATIC_ROOT when one of them changed."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

_UNUSED = ["rest_framework", "ext", "htmax-*", "htmx-4*"]
"""What packages bring and no page names: DRF's pages for browsers, which are off, htmx's extensions, and its next
version. Patterns of file and folder names."""


def collect_static_files() -> bool:
    """Run collectstatic unless STATIC_ROOT holds exactly these files already. Returns whether it ran.

    Compressing takes seconds, and a restart should not.
    """
    stamp_file = Path(settings.STATIC_ROOT) / ".stamp"
    stamp = _stamp()
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0, ignore_patterns=_UNUSED)
    stamp_file.write_text(stamp)
    return True


def _stamp() -> str:
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list(_UNUSED):
            file = Path(storage.path(name)).stat()
            digest.update(f"{name} {file.st_size} {file.st_mtime_ns}\n".encode())
    return digest.hexdigest()
