"""What a file is, by its content: names are often wrong, and a wrong guess reads rubbish."""

from __future__ import annotations

import re
from typing import BinaryIO

from evals_app.engine.files.encoding import Encoding
from evals_app.engine.files.json_values import NotJson, decode
from evals_app.engine.files.lines import open_text, read_text
from evals_app.engine.files.rows import FileKind, FileProblem, Limits, megabytes

_SAVE_AS = "Save it as CSV, JSON Lines or XLSX and import that file."
_ZIP = b"PK"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "This is a PDF."),
    (b"\x89PNG", "This is a picture."),
    (b"\xff\xd8\xff", "This is a picture."),
    (b"GIF8", "This is a picture."),
    (b"PAR1", "This is a Parquet file."),
    (b"SQLite format 3", "This is a database file."),
    (b"{\\rtf", "This is a text document (RTF)."),
    (b"\x09\x08\x10\x00", "This is an old Excel file (.xls)."),
)
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")
_MARKUP = re.compile(r"\s*<(!doctype html|html|head|body|table|\?xml|!--)", re.IGNORECASE)
_SAMPLE_CHARS = 1 << 16
_JSON_NAMES = (".json", ".jsonl", ".ndjson")


def check_size(stream: BinaryIO, limits: Limits) -> None:
    """Raises FileProblem for a file that is empty or larger than allowed."""
    size = stream.seek(0, 2)
    if size == 0:
        raise FileProblem("The file is empty. Choose a file with one case per row.")
    if size > limits.file_bytes:
        raise FileProblem(
            f"The file has more than {megabytes(limits.file_bytes)}. "
            "Split it into smaller files and import them one after the other."
        )


def is_workbook(stream: BinaryIO) -> bool:
    """True for a ZIP archive (what XLSX is). Raises FileProblem for other files that are not text."""
    stream.seek(0)
    head = stream.read(64)
    if head.startswith(_ZIP) and head[2:4] in (b"\x03\x04", b"\x05\x06"):
        return True
    if head.startswith(_OLE):
        raise FileProblem(_ole_message(stream))
    if head.startswith(_PACKED):
        raise FileProblem("This file is packed. Unpack it and import the file inside.")
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise FileProblem(f"{what} {_SAVE_AS}")
    return False


def text_kind(stream: BinaryIO, encoding: Encoding, filename: str) -> FileKind:
    """CSV, JSON or JSON Lines. Raises FileProblem for mark-up and for a text of white space only."""
    text = open_text(stream, encoding)
    start = read_text(text, _SAMPLE_CHARS)
    while start and not start.strip("\ufeff \t\r\n"):
        start = read_text(text, _SAMPLE_CHARS)
    start = start.lstrip("\ufeff \t\r\n")
    if not start:
        raise FileProblem("The file is empty. Choose a file with one case per row.")
    if _MARKUP.match(start):
        raise FileProblem(
            "This is a web page or an XML file, whatever its name says. Open it in a spreadsheet program, "
            "save it as XLSX or CSV and import that file."
        )
    first_line = start.splitlines()[0].strip()
    named_json = filename.lower().endswith(_JSON_NAMES)
    if start.startswith("["):
        return FileKind.JSON if named_json or _is_list_of_objects(start) else FileKind.CSV
    if start.startswith("{"):
        if _is_json(first_line):
            return FileKind.JSONL
        if first_line == "{" or (first_line.endswith(("{", "[", ",")) and not named_json_lines(filename)):
            return FileKind.JSON
        return FileKind.JSONL if named_json or not filename.lower().endswith((".csv", ".tsv")) else FileKind.CSV
    return FileKind.JSONL if named_json and _is_json(first_line) else FileKind.CSV


def named_json_lines(filename: str) -> bool:
    return filename.lower().endswith((".jsonl", ".ndjson"))


def _is_list_of_objects(start: str) -> bool:
    return start[1:].lstrip()[:1] in ("{", "]") or _is_json(start.splitlines()[0])


def _is_json(line: str) -> bool:
    try:
        decode(line)
    except NotJson:
        return False
    return True


def _ole_message(stream: BinaryIO) -> str:
    """An OLE file is an old workbook, or a new one behind a password."""
    stream.seek(0)
    tail = b""
    while chunk := stream.read(1 << 20):
        if _ENCRYPTED in tail + chunk:
            return "The workbook is protected with a password. Save it without a password and import that file."
        tail = chunk[-len(_ENCRYPTED) :]
    return "This is an old Excel or Office file (.xls). Save it as Excel workbook (.xlsx) and import that file."
