"""Files that are something else than their name says, or nothing that holds cases."""

import gzip
import io
import zipfile

import pytest

from evals_app.engine.case_files import FileProblem, parse_cases


def archive(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as writer:
        for name in names:
            writer.writestr(name, "<x/>")
    return packed.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 1_500

REFUSED = {
    "an old Excel workbook": ("cases.xls", OLE, "(.xls). Save it as Excel workbook (.xlsx)"),
    "an old Excel workbook called XLSX": ("cases.xlsx", OLE, "old Excel or Office file (.xls)"),
    "an Excel 4 sheet": ("cases.xls", b"\x09\x08\x10\x00\x00\x06\x05\x00", "old Excel file"),
    "a workbook with a password": (
        "cases.xlsx",
        OLE + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 500,
        "protected with a password. Save it without a password",
    ),
    "the password's mark across the pieces that are read": (
        "cases.xlsx",
        (OLE + b"\x00" * (1 << 20))[: (1 << 20) - 7] + "EncryptedPackage".encode("utf-16-le"),
        "protected with a password",
    ),
    "a binary workbook": (
        "cases.xlsb",
        archive("[Content_Types].xml", "xl/workbook.bin"),
        "(.xlsb). Save it as",
    ),
    "an OpenDocument sheet": ("cases.ods", archive("mimetype", "content.xml"), "OpenDocument"),
    "a Word document called XLSX": ("cases.xlsx", archive("word/document.xml"), "a document, not"),
    "a Numbers file": ("cases.numbers", archive("Index/Document.iwa"), "Numbers file. Export it"),
    "a ZIP of a CSV": ("cases.zip", archive("cases.csv"), "ZIP archive without a workbook in it. Unpack it"),
    "an empty ZIP": ("cases.xlsx", archive(), "ZIP archive without a workbook"),
    "a gzipped CSV": ("cases.csv.gz", gzip.compress(b"question\nHi\n"), "packed. Unpack it"),
    "a PDF": ("cases.pdf", b"%PDF-1.7\n...", "This is a PDF"),
    "a picture called CSV": ("cases.csv", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "This is a picture"),
    "Parquet": ("cases.parquet", b"PAR1\x15\x04", "Parquet file. Save it as CSV"),
    "RTF": ("cases.rtf", b"{\\rtf1\\ansi question}", "RTF"),
    "a web page called XLS": ("cases.xls", b"<html><table><td>question</td>", "a web page"),
    "a page to sign in, called CSV": ("cases.csv", b"\n<!DOCTYPE html>\n<title>Hi</title>", "a web page"),
    "an XML sheet of Excel 2003": ("cases.xls", b'<?xml version="1.0"?><Workbook/>', "an XML file"),
    "bytes of nothing known": ("cases.csv", bytes(range(256)) * 20, "neither text nor a spreadsheet"),
}


@pytest.mark.parametrize(("filename", "data", "words"), REFUSED.values(), ids=REFUSED)
def test_says_what_it_is_and_what_to_do(filename, data, words):
    with pytest.raises(FileProblem) as caught:
        parse_cases(io.BytesIO(data), filename=filename)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


NAMES = (
    "cases.xlsx",
    "cases.json",
    "cases.xls",
    "cases.parquet",
    "cases",
    "",
    "../../etc/passwd",
    "a\x00b.csv",
    "cases.CSV",
)


@pytest.mark.parametrize("filename", NAMES)
def test_a_csv_is_a_csv_whatever_its_name(filename):
    parsed = parse_cases(io.BytesIO(b"question,expected\nHi,Hello\n"), filename=filename)
    assert (parsed.kind, [row.expected for row in parsed.rows]) == ("csv", ["Hello"])
