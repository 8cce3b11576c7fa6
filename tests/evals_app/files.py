"""Files as people upload them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook


def upload(content: bytes, name: str = "cases.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def workbook(rows: Sequence[Sequence[Any]]) -> bytes:
    """An Excel file with one sheet of these rows."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))  # type: ignore[union-attr]
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def workbook_bomb() -> bytes:
    """A small workbook whose sheet unpacks to 600 MB."""
    with zipfile.ZipFile(io.BytesIO(workbook([["question"], ["a"]]))) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bomb:
        for name, content in parts.items():
            if name != "xl/worksheets/sheet1.xml":
                bomb.writestr(name, content)
        with bomb.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>')
            piece = b'<row><c t="inlineStr"><is><t>' + b"a" * 1_000_000 + b"</t></is></c></row>"
            for _ in range(600):
                sheet.write(piece)
            sheet.write(b"</sheetData></worksheet>")
    return stream.getvalue()
