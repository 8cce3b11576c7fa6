"""`make audit`: known weaknesses of the very versions in the lock files, as the index of packages tells them.

Ends with 1 when there is one. Where nobody can be asked (no network, a mirror that knows of no weaknesses), it says so
and ends with 0: that is no fault of what was changed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_LOCK = "dev.lock"  # has everything of base.lock and server.lock, in the same versions
_PATIENCE_S = 300


def main() -> int:
    command = [
        *(str(Path(sys.executable).with_name("pip-audit")), "--requirement", str(HERE / _LOCK)),
        *("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off", "--timeout", "10"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        code, sentence = verdict("")
    else:
        code, sentence = verdict(done.stdout)
    print(sentence)
    return code


def verdict(report: str) -> tuple[int, str]:
    """The exit code and what to say for what pip-audit wrote; nothing at all when it could not look."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        return 0, "Not audited: the index of packages cannot be reached. Run `make audit` where it can."
    known = [package for package in packages if "skip_reason" not in package]
    weak = [(package, weakness) for package in known for weakness in package["vulns"]]
    if weak:
        lines = [
            f"{package['name']} {package['version']}: {weakness['id']}, mended in"
            f" {', '.join(weakness['fix_versions']) or 'no version yet'}"
            for package, weakness in weak
        ]
        advice = "Run `make lock ARGS=--upgrade`, or name the version in pyproject.toml."
        return 1, "\n".join(["Known weaknesses:", *lines, advice])
    if not known:
        return (
            0,
            "Not audited: the index of packages knows none of them. Run `make audit` where the public one is.",
        )
    unknown = len(packages) - len(known)
    rest = f" The index does not know {unknown} others." if unknown else ""
    return 0, f"No known weakness in {len(known)} packages.{rest}"


if __name__ == "__main__":
    raise SystemExit(main())
