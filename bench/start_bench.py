"""How long the platform takes to start, and what it needs when idle: python -m bench.start_bench

Clones the checkout's HEAD into a folder of its own and types `make up` there: the time until the first page answers
(with whatever package cache this machine has), the time of a second start, and the memory (PSS) of all processes
after a minute without work, the local model counted apart.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from bench.run_bench import free_port, when_and_where

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"first": 60.0, "restart": 8.0, "memory": 600.0}
IDLE_S = 60.0
PATIENCE_S = 600.0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="llmops-start-") as folder:
        checkout = Path(folder) / "llmops"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
        first_s, _ = _start(checkout, look_at_memory=False)
        restart_s, memory = _start(checkout, look_at_memory=True)
    others = sum(megabytes for name, megabytes in memory.items() if name != "local-model")
    print(when_and_where())
    print(f"make up from a clean clone: first page after {first_s:.1f} s (limit {LIMITS['first']:.0f})")
    print(f"make up again: first page after {restart_s:.1f} s (limit {LIMITS['restart']:.0f})")
    parts = ", ".join(f"{name} {megabytes:.0f}" for name, megabytes in memory.items())
    print(f"idle memory without the local model: {others:.0f} MB PSS (limit {LIMITS['memory']:.0f}; {parts})")


def _start(checkout: Path, *, look_at_memory: bool) -> tuple[float, dict[str, float]]:
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LLMOPS_", "DJANGO_"))}
    for name in ("DATABASE_URL", "REDIS_URL", "VIRTUAL_ENV", "PYTHONPATH"):
        inherited.pop(name, None)
    started_at = time.perf_counter()
    with subprocess.Popen(
        ["make", "up", f"ARGS=--port {port}"],
        cwd=checkout,
        env=inherited,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            _wait_for_page(f"http://127.0.0.1:{port}/sign-in/", running)
            took_s = time.perf_counter() - started_at
            if not look_at_memory:
                return took_s, {}
            time.sleep(IDLE_S)
            return took_s, _memory_mb(checkout)
        finally:
            os.killpg(running.pid, signal.SIGINT)
            running.wait(60)


def _wait_for_page(url: str, running: subprocess.Popen[bytes]) -> None:
    until = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < until and running.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  the address is ours
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("The platform did not start.")


def _memory_mb(checkout: Path) -> dict[str, float]:
    """PSS by part; the supervisor itself is one of them."""
    state = json.loads((checkout / "var" / "run" / "state.json").read_text())
    roots = {child["name"]: child["pid"] for child in state["children"] if child["pid"]}
    memory = {"supervisor": psutil.Process(state["pid"]).memory_full_info().pss / 1e6}
    for name, pid in roots.items():
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        memory[name] = sum(member.memory_full_info().pss for member in family) / 1e6
    return memory


if __name__ == "__main__":
    main()
