"""What the platform logs, as it would be written to a file."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

from llmops.logs import line_formatter


class Lines(io.StringIO):
    """Lines of the log."""

    def events(self) -> list[dict[str, Any]]:
        """Each as its JSON says it."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@contextlib.contextmanager
def listening(*, as_text: bool = False) -> Iterator[Lines]:
    """Everything that is logged for the length of a block, down to DEBUG."""
    lines, root = Lines(), logging.getLogger()
    handler, level = logging.StreamHandler(lines), root.level
    handler.setFormatter(line_formatter(as_text=as_text))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
