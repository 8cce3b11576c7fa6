"""Text out of an open binary file: numbered lines of bounded length."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, TextIO

from evals_app.engine.files.encoding import Encoding
from evals_app.engine.files.rows import FileProblem, RowProblem


class Line(NamedTuple):
    """A physical line with its line break; `number` counts from 1."""

    number: int
    text: str


class KeptOpen(io.RawIOBase):
    """A view of the caller's file, from its start, that leaves the file open when it is closed itself."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # what BufferedReader passes
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def open_text(stream: BinaryIO, encoding: Encoding) -> TextIO:
    """The file as text from its start; line breaks stay as they are. The file stays open afterwards."""
    return io.TextIOWrapper(
        io.BufferedReader(KeptOpen(stream), 1 << 16), encoding.codec, errors=encoding.errors, newline=""
    )


def read_text(text: TextIO, n_chars: int) -> str:
    """Up to `n_chars` characters; "" at the end. Raises FileProblem for bytes outside the encoding."""
    try:
        return text.read(n_chars)
    except UnicodeError as wrong:
        raise _broken_text() from wrong


def numbered_lines(text: TextIO, *, most_chars: int) -> Iterator[Line | RowProblem]:
    """The lines of a text, each at most `most_chars` long; a longer one is a problem, and skipped.

    A line ends with LF, CR LF or CR, and nothing else: U+2028 and form feeds belong to the text.
    """
    number = 0
    while line := _readline(text, most_chars + 1):
        number += 1
        if len(line) > most_chars and not line.endswith(("\n", "\r")):
            while line and not line.endswith(("\n", "\r")):
                line = _readline(text, most_chars + 1)
            yield RowProblem(
                number, "", f"This line has more than {most_chars:,} characters. Shorten it or take it out."
            )
        else:
            yield Line(number, line)


def _readline(text: TextIO, n_chars: int) -> str:
    try:
        return text.readline(n_chars)
    except UnicodeError as wrong:
        raise _broken_text() from wrong


def _broken_text() -> FileProblem:
    return FileProblem("The file is cut off or its characters are damaged. Save it again as UTF-8 and import that.")


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def showable(text: str) -> str:
    """The text with a replacement character where it cannot be stored or shown."""
    return text if text.isascii() else _UNSTORABLE.sub("\ufffd", text)


def text_problem(text: str) -> str:
    """Why a text cannot be stored: characters that no database and no model takes. "" when it can."""
    if text.isascii() and "\x00" not in text:
        return ""
    found = _UNSTORABLE.search(text)
    if found is None:
        return ""
    if found[0] == "\x00":
        return "This text contains a zero character, which cannot be stored. Take it out."
    if "\udc80" <= found[0] <= "\udcff":
        return "This text contains bytes that are not UTF-8. Save the file as UTF-8 and check its letters here."
    return "This text contains half of a character (a lone surrogate). Write the character again."
