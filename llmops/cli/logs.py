"""Log files of a bounded size: `worker.log`, and before it `worker.log.1` to `worker.log.3`; and reading them."""

import contextlib
import json
from pathlib import Path

_MOST_BYTES = 5_000_000
_KEPT = 3


class RotatingLog:
    """An append-only file that is set aside when it is full."""

    def __init__(self, path: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self.path = path
        self._most_bytes = most_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def write(self, piece: bytes) -> None:
        # A full disk costs lines of the log, never the platform.
        with contextlib.suppress(OSError):
            if self._size and self._size + len(piece) > self._most_bytes:
                self._rotate()
            self._file.write(piece)
            self._size += len(piece)

    def close(self) -> None:
        self._file.close()

    def _open(self) -> None:
        self._file = self.path.open("ab", buffering=0)
        self._size = self._file.tell()

    def _rotate(self) -> None:
        self._file.close()
        for age in range(_KEPT, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{age}")
            newer = self.path.with_name(f"{self.path.name}.{age - 1}") if age > 1 else self.path
            if newer.exists():
                newer.replace(older)
        self._open()


def readable(line: str) -> list[str]:
    """A line of a log for people: of a JSON line what happened, then the exception, if any."""
    try:
        event = json.loads(line)
        first = f"{event['timestamp']} {event['level']} {event['event']}"
        return [first, *str(event.get("exception", "")).splitlines()]
    except (ValueError, KeyError, TypeError):
        return [line]
