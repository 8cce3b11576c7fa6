"""How much memory an import takes: python -m bench.import_memory

Writes a file of a million cases for each kind (JSON Lines, a JSON list, CSV; XLSX when asked for) and reads
it in a process of its own, case by case, with all checks. Prints that process's peak resident memory and the
time. The promise (R39): JSON Lines under 150 MB.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from evals_app.engine.case_files import CaseRow, read_cases, write_cases

ROWS = 1_000_000
LIMIT_MB = 150
KINDS = ("jsonl", "json", "csv", "xlsx")
_PER_MB = 1024 if sys.platform == "linux" else 1024 * 1024  # what ru_maxrss counts in


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:3])
    parser.add_argument("--read", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(Path(options.read))
        return
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            path = Path(folder, f"cases.{kind}")
            write(path, kind, options.rows)
            measure(path, kind)


def cases(n_rows: int) -> Iterator[CaseRow]:
    """Cases of about 90 bytes as JSON, each with its key: a million of them are near the 100 MB limit."""
    for number in range(n_rows):
        yield CaseRow(key=f"case-{number}", inputs={"question": f"What is {number} + 1?"}, expected=str(number + 1))


def write(path: Path, kind: str, n_rows: int) -> None:
    with path.open("wb") as file:
        if kind != "json":
            write_cases(cases(n_rows), file, format=kind, variables=["question"])
            return
        for case, before in zip(cases(n_rows), itertools.chain(["["], itertools.repeat(",\n")), strict=False):
            fields = {"key": case.key, "inputs": dict(case.inputs), "expected": case.expected}
            file.write((before + json.dumps(fields)).encode())
        file.write(b"]")


def measure(path: Path, kind: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.import_memory", "--read", str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures = json.loads(ran.stdout)
    verdict = ""
    if kind == "jsonl":
        verdict = f", limit {LIMIT_MB} MB: " + ("kept" if figures["peak_mb"] < LIMIT_MB else "EXCEEDED")
    size_mb = path.stat().st_size / 1e6
    print(
        f"{kind:5} {figures['cases']:,} cases, {size_mb:.0f} MB: peak {figures['peak_mb']:.0f} MB "
        f"(before the first case {figures['start_mb']:.0f} MB), {figures['seconds']:.1f} s{verdict}"
    )


def read(path: Path) -> None:
    start_mb = peak_mb()
    started = time.perf_counter()
    n_cases = 0
    with path.open("rb") as file:
        for item in read_cases(file, filename=path.name):
            if not isinstance(item, CaseRow):
                raise SystemExit(f"row {item.row}: {item.message}")
            n_cases += 1
    seconds = time.perf_counter() - started
    print(json.dumps({"cases": n_cases, "start_mb": start_mb, "peak_mb": peak_mb(), "seconds": seconds}))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PER_MB


if __name__ == "__main__":
    main()
