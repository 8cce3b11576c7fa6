"""Which characters the bytes of a text file stand for."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO, NamedTuple

from evals_app.engine.files.rows import FileProblem

_CHUNK = 1 << 20
_HEAD = 4096
# Longest first: the mark of UTF-32 LE begins with that of UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_NOT_IN_WINDOWS_1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\v\x1a\x1b\x00")


class Encoding(NamedTuple):
    """How to decode a file.

    `codec` and `errors` are Python's names, `name` is the one for people, `note` a sentence about a guess.
    """

    codec: str
    name: str
    errors: str = "strict"
    note: str = ""


def detect_encoding(stream: BinaryIO) -> Encoding:
    """The encoding by byte order mark or content; reads the whole stream and leaves it at its end.

    UTF-8 is what decodes as UTF-8. What does not is a text of one byte per character: Windows-1252, which
    holds all of Latin-1's letters, or Latin-1 itself when it uses bytes that Windows-1252 leaves out. A file
    that is UTF-8 for the most part stays UTF-8, and its bad bytes become lone surrogates that the checks of
    each row find. Raises FileProblem for what is not text.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    for mark, codec, name in _MARKS:
        if head.startswith(mark):
            return Encoding(codec, name, "surrogateescape" if name == "UTF-8" else "strict")
    if sixteen := _utf_16_without_mark(head):
        return sixteen
    if len(head.translate(None, delete=_CONTROLS)) < 0.95 * len(head) or head.count(0) > 0.05 * len(head):
        raise FileProblem(
            "This is neither text nor a spreadsheet. Save the cases as CSV, JSON Lines or XLSX and import that file."
        )
    return Encoding("utf-8", "UTF-8") if _is_utf_8(stream) else _of_single_bytes(stream)


def _utf_16_without_mark(head: bytes) -> Encoding | None:
    """UTF-16 writes line breaks, digits and commas with a zero byte, always on the same side."""
    high, low = head[0::2].count(0), head[1::2].count(0)
    if low >= max(2, len(head) // 100) and high == 0:
        return Encoding("utf-16-le", "UTF-16")
    if high >= max(2, len(head) // 100) and low == 0:
        return Encoding("utf-16-be", "UTF-16")
    return None


def _is_utf_8(stream: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _of_single_bytes(stream: BinaryIO) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    bad = beyond_ascii = 0
    in_windows_1252 = True
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        text = decoder.decode(chunk)
        bad += len(_NOT_UTF_8.findall(text))
        beyond_ascii += len(_BEYOND_ASCII.findall(text))
        in_windows_1252 = in_windows_1252 and not any(byte in chunk for byte in _NOT_IN_WINDOWS_1252)
    if beyond_ascii - bad > bad:
        return Encoding("utf-8", "UTF-8", "surrogateescape")
    codec, name = ("cp1252", "Windows-1252") if in_windows_1252 else ("latin-1", "Latin-1")
    note = f"The file is not UTF-8, so it was read as {name}. If letters look wrong, save it as UTF-8 again."
    return Encoding(codec, name, note=note)
