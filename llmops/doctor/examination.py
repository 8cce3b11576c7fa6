"""All checks, in the order in which one thing needs another."""

from __future__ import annotations

from pathlib import Path

from llmops.core.selectors.readiness import DatabaseDown
from llmops.doctor.database import examine_database, silent
from llmops.doctor.findings import Finding, fail
from llmops.doctor.machine import examine_machine
from llmops.doctor.processes import examine_processes, examine_redis


def examine(home: Path) -> list[Finding]:
    """Look at everything. Never raises for something that is broken: that is a finding."""
    try:
        from_rows = [*examine_database(), *examine_processes()]
    except DatabaseDown as down:
        from_rows = [silent(down)]
    return [*from_rows, examine_redis(), *examine_machine(home)]


def examine_stopped(home: Path) -> list[Finding]:
    """What can be said while the embedded database does not run."""
    stopped = fail("platform", f"It does not run (data in {home}).", "Start it with `make up`.")
    return [stopped, *examine_machine(home)]
