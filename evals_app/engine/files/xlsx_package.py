"""XLSX from outside: a ZIP archive of XML parts, measured before it is opened and parsed without entities.

openpyxl's own reader is not used: it cannot tell a formula that was never calculated from an empty cell,
drops `x005F_` from texts, and pads rows to whatever width and number a file claims.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from evals_app.engine.files.rows import FileProblem, Limits, megabytes

_CHUNK = 1 << 16
_SAVE_AGAIN = "Open it in a spreadsheet program, save it again as Excel workbook (.xlsx) and import that file."
_END_OF_DIRECTORY = b"PK\x05\x06"
_END_OF_DIRECTORY_64 = b"PK\x06\x06"
_MOST_END_BYTES = 22 + 65_535
_BYTES_PER_ENTRY = 300  # in the directory: 46 and the name, for which real workbooks need well under 100
_RATIO_COUNTS_FROM = 20 * 1024 * 1024
_BROKEN = (
    KeyError, ValueError, EOFError, NotImplementedError, OSError, RuntimeError, SAXException,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_BIG_PARTS = ("xl/worksheets/", "xl/sharedstrings.xml")


class Relation(NamedTuple):
    """What one part says about another: the last word of the relation's type, and the part's name."""

    kind: str
    target: str


class Tag(NamedTuple):
    name: str
    attributes: dict[str, str]


class Package:
    """The parts of a workbook by their names, in which capitals do not matter."""

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        """Raises FileProblem for archives that are damaged, encrypted, no workbook, or built to burst."""
        _check_directory(stream, limits)
        self._archive = _open_archive(stream)
        entries = self._archive.infolist()
        _check_entries(entries, limits)
        self._names = {entry.filename.lstrip("/").lower(): entry.filename for entry in entries}
        if "[content_types].xml" not in self._names or problem_of_names(self._names):
            raise FileProblem(problem_of_names(self._names) or _damaged())

    def __contains__(self, part: str) -> bool:
        return part.lower() in self._names

    def feed(self, part: str, handler: ContentHandler) -> Iterator[None]:
        """Parse a part piece by piece; the handler has news after each step. Raises FileProblem."""
        parser = DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(handler)
        try:
            with self._archive.open(self._names[part.lower()]) as file:
                while chunk := file.read(_CHUNK):
                    parser.feed(chunk)
                    yield
            parser.close()
            yield
        except DefusedXmlException as forbidden:
            raise FileProblem(
                "The workbook holds XML definitions (entities) that no spreadsheet program writes, so it was "
                "refused. " + _SAVE_AGAIN
            ) from forbidden
        except FileProblem:
            raise
        except _BROKEN as broken:
            raise FileProblem(_damaged()) from broken

    def tags(self, part: str) -> list[Tag]:
        """All opening tags of a small part, in their order; [] when there is no such part."""
        handler = _Tags()
        if part in self:
            for _ in self.feed(part, handler):
                pass
        return handler.tags

    def relations(self, part: str) -> dict[str, Relation]:
        """By their ids, the parts that `part` refers to; of "" those of the package."""
        folder, name = posixpath.split(part)
        found = {}
        for tag in self.tags(posixpath.join(folder, "_rels", f"{name}.rels")):
            target = tag.attributes.get("Target", "")
            if tag.name == "Relationship" and tag.attributes.get("TargetMode") != "External":
                path = target if target.startswith("/") else posixpath.join("/", folder, target)
                kind = tag.attributes.get("Type", "").rpartition("/")[2]
                found[tag.attributes.get("Id", "")] = Relation(kind, posixpath.normpath(path).lstrip("/"))
        return found


def problem_of_names(names: dict[str, str]) -> str:
    """What an archive that is no workbook is, in a sentence that says what to do; "" for a workbook."""
    if "encryptedpackage" in names:
        return "The workbook is protected with a password. Save it without a password and import that file."
    if "xl/workbook.bin" in names:
        return "This is a binary Excel workbook (.xlsb). Save it as Excel workbook (.xlsx) and import that file."
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        return "This is a document, not a spreadsheet. Put the cases into a sheet, one per row, and import it."
    if "content.xml" in names and "mimetype" in names:
        return "This is an OpenDocument file (.ods). Save it as Excel workbook (.xlsx) or CSV and import that."
    if any(name.endswith(".iwa") for name in names):
        return "This is a Numbers file. Export it as Excel workbook (.xlsx) or CSV and import that file."
    if not any(name.startswith("xl/") for name in names):
        return "This is a ZIP archive without a workbook in it. Unpack it and import the file inside."
    return ""


def local_name(name: str) -> str:
    """A tag's name without its prefix: producers choose prefixes as they like."""
    return name.rpartition(":")[2]


class _Tags(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[Tag] = []

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  the name that xml.sax calls
        self.tags.append(Tag(local_name(name), dict(attrs.items())))


def _check_directory(stream: BinaryIO, limits: Limits) -> None:
    """The directory is read into memory as a whole, so its size is looked up before that is done."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _MOST_END_BYTES))
    end = stream.read()
    at = end.rfind(_END_OF_DIRECTORY)
    if at < 0 or len(end) < at + 22:
        raise FileProblem(_damaged())
    n_entries, directory_bytes = struct.unpack_from("<HL", end, at + 10)
    at_64 = end.rfind(_END_OF_DIRECTORY_64, 0, at)
    if at_64 >= 0 and len(end) >= at_64 + 48:
        n_entries, directory_bytes = struct.unpack_from("<QQ", end, at_64 + 32)
    if n_entries > limits.zip_entries or directory_bytes > limits.zip_entries * _BYTES_PER_ENTRY:
        raise FileProblem(f"The workbook consists of too many parts. {_SAVE_AGAIN}")


def _check_entries(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    """Sizes as the directory states them: zipfile hands out no more than that."""
    if len(entries) > limits.zip_entries:
        raise FileProblem(f"The workbook consists of too many parts. {_SAVE_AGAIN}")
    if any(entry.flag_bits & 1 for entry in entries):
        raise FileProblem("The workbook is protected with a password. Save it without a password and import that file.")
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    bursting = unpacked > _RATIO_COUNTS_FROM and unpacked > packed * limits.zip_ratio
    if unpacked > limits.unpacked_bytes or bursting:
        raise FileProblem(
            f"The workbook unpacks to {megabytes(unpacked)}, which is far more than its cases can need. Copy "
            "the cases alone into a new workbook, or save the sheet as CSV, and import that file."
        )
    for entry in entries:
        name = entry.filename.lstrip("/").lower()
        if name.endswith((".xml", ".rels")) and not name.startswith(_BIG_PARTS) and entry.file_size > limits.part_bytes:
            raise FileProblem(
                f"A part of the workbook that holds no cases has {megabytes(entry.file_size)}. Copy the "
                "cases alone into a new workbook, or save the sheet as CSV, and import that file."
            )


def _open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as broken:
        raise FileProblem(_damaged()) from broken


def _damaged() -> str:
    return f"The workbook is damaged or was not uploaded completely. {_SAVE_AGAIN}"
