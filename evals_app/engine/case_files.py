"""Case files: test cases in and out of CSV, JSON Lines, JSON lists and XLSX.

Reading:

- `preview(stream, filename=...)` shows the first rows and what each column would mean.
- `read_cases(stream, filename=..., mapping=...)` is an iterator of CaseRow and RowProblem, one at a time;
  `parse_cases` collects it. Nothing is half read: every row that is not blank is a case or has a problem.
- What is wrong with a row is a RowProblem, what is wrong with the file a FileProblem; both say what to do.

Writing: `write_cases(rows, stream, format=...)`; what it writes reads back as it was, and spreadsheet
programs take none of it for a formula.
"""

from __future__ import annotations

from evals_app.engine.files.columns import Role, guess_mapping
from evals_app.engine.files.reading import CaseReader, ParsedFile, Preview, parse_cases, preview, read_cases
from evals_app.engine.files.rows import DEFAULT_LIMITS, CaseRow, FileKind, FileProblem, Limits, RowProblem
from evals_app.engine.files.writing import WRITTEN_KINDS, Numbered, write_cases

__all__ = [
    "DEFAULT_LIMITS",
    "WRITTEN_KINDS",
    "CaseReader",
    "CaseRow",
    "FileKind",
    "FileProblem",
    "Limits",
    "Numbered",
    "ParsedFile",
    "Preview",
    "Role",
    "RowProblem",
    "guess_mapping",
    "parse_cases",
    "preview",
    "read_cases",
    "write_cases",
]
