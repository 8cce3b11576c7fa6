"""Texts of a workbook: characters that XML cannot hold are written as `_xHHHH_` (ECMA-376, ST_Xstring)."""

from __future__ import annotations

import re
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from evals_app.engine.files.xlsx_package import Package, local_name

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
# A carriage return would come back as a line feed, and a text that looks like an escape as its character.
_NEEDS_ESCAPE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def escape_text(text: str) -> str:
    return _NEEDS_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def unescape_text(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def shared_texts(package: Package, part: str) -> list[str]:
    """The texts that cells refer to by number."""
    handler = _SharedTexts()
    for _ in package.feed(part, handler):
        pass
    return handler.texts


class _SharedTexts(ContentHandler):
    """Collects <si>: the text of all its runs, without the reading aids (<rPh>) of East Asian writing."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._pieces: list[str] = []
        self._in_text = self._in_aid = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  the name that xml.sax calls
        tag = local_name(name)
        if tag == "si":
            self._pieces = []
        elif tag == "rPh":
            self._in_aid = True
        elif tag == "t":
            self._in_text = not self._in_aid

    def characters(self, content: str) -> None:
        if self._in_text:
            self._pieces.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802  as above
        tag = local_name(name)
        if tag == "t":
            self._in_text = False
        elif tag == "rPh":
            self._in_aid = False
        elif tag == "si":
            self.texts.append(unescape_text("".join(self._pieces)))
