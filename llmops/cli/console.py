"""What `llmops up` tells people: a few lines on the console, the same in its log."""

import contextlib
import os
import sys
from datetime import datetime
from pathlib import Path

from llmops.cli.logs import RotatingLog


class Console:
    """Lines for the console and for the file `log`."""

    def __init__(self, log: Path) -> None:
        self._log = RotatingLog(log)
        self._with_time = False

    def say(self, text: str) -> None:
        now = datetime.now().astimezone()
        self._log.write(f"{now:%Y-%m-%d %H:%M:%S} {text}\n".encode())
        self._print(f"{now:%H:%M:%S}  {text}" if self._with_time else text)

    def say_once(self, secret: str) -> None:
        """Something that no file may keep."""
        self._print(secret)

    def show_time(self) -> None:
        """From now on lines tell when: they come by themselves."""
        self._with_time = True

    def leave(self) -> None:
        """Let go of the console: whoever waits at its other end sees the end of it."""
        sys.stdout.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

    def _print(self, text: str) -> None:
        # A closed terminal must not stop the platform.
        with contextlib.suppress(OSError):
            print(text, flush=True)
