"""Workbooks for tests: as openpyxl saves them, and part by part as other programs write them."""

import io
import zipfile
from xml.sax.saxutils import escape

import openpyxl

from evals_app.engine.case_files import ParsedFile, parse_cases

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def parse_xlsx(data: bytes, **options) -> ParsedFile:
    return parse_cases(io.BytesIO(data), filename="cases.xlsx", **options)


def saved(workbook: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def workbook_of(*rows: tuple) -> bytes:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    return saved(workbook)


def parts(sheet: str, *, shared: str = "", styles: str = "", workbook: str = "", main: str = MAIN) -> dict[str, str]:
    """The parts of a workbook as Excel lays them out, with the given content."""
    return {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": workbook
        or f'<workbook xmlns="{main}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="rId2" Type="{RELATIONS}/sharedStrings" Target="/xl/sharedStrings.xml"/>'
            f'<Relationship Id="rId3" Type="{RELATIONS}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{shared}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}">{styles}</styleSheet>',
    }


def packed(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def text_row(number: int, *texts: str) -> str:
    cells = "".join(
        f'<c r="{"ABC"[at]}{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>' for at, text in enumerate(texts)
    )
    return f'<row r="{number}">{cells}</row>'


HEADER = text_row(1, "question", "expected")


def cell(content: str, number: int = 2) -> bytes:
    """A workbook with one case whose expected answer is the cell, as XML."""
    question = f'<c r="A{number}" t="inlineStr"><is><t>Hi</t></is></c>'
    return packed(parts(f'{HEADER}<row r="{number}">{question}{content}</row>'))
