"""How fast a run is, end to end: python -m bench.run_bench

Starts the whole platform in a folder of its own, and a loopback model server that answers after 200 ms; then makes
1,000 cases and runs them through the REST API with exact match, at concurrency 50 and 200. For each it prints the
wall time from the POST to the state `finished` beside the floor (cases / concurrency x 0.2 s), the CPU time of web,
workers and Postgres for each case, and the largest worker's memory (PSS). Beside each round a bare loop over the SDK
makes the same calls and stores nothing (bench.bare_loop): what the machine can do at that moment.

Nobody asks for the state before the floor has passed: a run cannot be finished then, and asking costs what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

CASES = 1_000
DELAY_S = 0.2
POLL_S = 0.1
MEMORY_EVERY_S = 1.0  # reading the memory of a process takes the processor that is being measured
CONCURRENCIES = (50, 200)
LIMITS = {50: 1.35, 200: 3.5}
EMAIL = "bench@example.com"
COUNTED = ("web", "worker", "beat", "postgres")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=CASES)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="llmops-bench-") as folder,
        model_server() as models,
        started(Path(folder)) as site,
    ):
        site.prepare(models, options.cases)
        rows = [
            {**site.measure(concurrency), "bare": bare_loop(models, options.cases, concurrency)}
            for _ in range(options.rounds)
            for concurrency in CONCURRENCIES
        ]
    report(rows, options)


class Site:
    """A running platform, spoken to over REST."""

    def __init__(self, url: str, key: str, home: Path, password: str) -> None:
        self.url = url
        self.key = key
        self.home = home
        self.email, self.password = EMAIL, password
        self.cases = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  the address is ours
            f"{self.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            sys.exit(f"{method} {path}: {refused.code} {refused.read().decode()}")

    def prepare(self, models_url: str, n_cases: int) -> None:
        self.cases = n_cases
        self.call("POST", "connections/", {"name": "bench", "vendor": "openai_compatible", "base_url": models_url})
        self.call(
            "POST",
            "prompts/",
            {
                "name": "echo",
                "kind": "chat",
                "messages": [
                    {"role": "system", "content": "You repeat what you are told."},
                    {"role": "user", "content": "{{question}}"},
                ],
                "model": {"connection": "bench", "model": "bench-model", "max_tokens": 20},
            },
        )
        self.call("POST", "datasets/", {"name": "bench"})
        rows = [{"inputs": {"question": f"question {at}"}, "expected": f"question {at}"} for at in range(n_cases)]
        self.call("POST", "datasets/bench/cases/", {"cases": rows})
        self.call("POST", "evaluators/", {"name": "exact", "kind": "exact"})
        self.measure(50)  # warms connections, imports and plans; not counted

    def measure(self, concurrency: int) -> dict[str, Any]:
        before = cpu_seconds(self.home)
        started_at = time.perf_counter()
        run = self.call(
            "POST",
            "runs/",
            {
                "dataset": "bench",
                "prompt": "echo",
                "evaluators": ["exact"],
                "concurrency": concurrency,
                "label": secrets.token_hex(4),
            },
        )
        floor_s = self.cases / concurrency * DELAY_S
        memory, look_at = 0.0, started_at + MEMORY_EVERY_S
        while True:
            if time.perf_counter() - started_at >= floor_s:
                state = self.call("GET", f"runs/{run['id']}/")
                if state["state"] == "finished":
                    break
            if time.perf_counter() - started_at > 120:
                sys.exit(f"The run does not end: {state}")
            if time.perf_counter() > look_at:
                memory, look_at = max(memory, worker_pss_mb(self.home)), time.perf_counter() + MEMORY_EVERY_S
            time.sleep(POLL_S)
        wall_s = time.perf_counter() - started_at
        if state["counts"]["done"] != self.cases or state["scores"]["exact"]["estimate"] != 1.0:
            sys.exit(f"The run went wrong: {state}")
        used = cpu_seconds(self.home)
        return {
            "concurrency": concurrency,
            "floor_s": floor_s,
            "wall_s": wall_s,
            "cpu_ms": {name: 1000 * (used[name] - before.get(name, 0)) / self.cases for name in used},
            "worker_mb": memory,
        }


def children(home: Path) -> dict[str, list[psutil.Process]]:
    """The platform's processes by the name that the supervisor gives them, each with all that it started."""
    state = json.loads((home / "run" / "state.json").read_text())
    found: dict[str, list[psutil.Process]] = {}
    for child in state["children"]:
        if child["pid"]:
            process = psutil.Process(child["pid"])
            found[child["name"]] = [process, *process.children(recursive=True)]
    return found


def cpu_seconds(home: Path) -> dict[str, float]:
    """User and system time by part, with that of processes that have ended."""
    used: dict[str, float] = {}
    for name, processes in children(home).items():
        if name in COUNTED:
            first, *others = processes
            used[name] = sum(first.cpu_times()[:4]) + sum(_cpu_of(process) for process in others)
    return used


def _cpu_of(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:
        return 0.0  # it has just ended: its time is in its parent's


def worker_pss_mb(home: Path) -> float:
    """The largest worker process."""
    return max(_pss_of(process) for process in children(home)["worker"]) / 1e6


def _pss_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0  # it was on its way to become another


@contextmanager
def model_server() -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.model_server", "--port", str(port), "--delay-ms", str(DELAY_S * 1000)]
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/calls")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def started(folder: Path) -> Iterator[Site]:
    port = free_port()
    home, password = folder / "home", secrets.token_urlsafe(16)
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        "LLMOPS_HOME": str(home),
        "LLMOPS_PORT": str(port),
        "LLMOPS_LOCAL_MODEL": "0",
        "LLMOPS_ALLOW_PRIVATE_URLS": "127.0.0.1",
        "LLMOPS_ADMIN_EMAIL": EMAIL,
        "LLMOPS_ADMIN_PASSWORD": password,
    }
    llmops = [sys.executable, "-m", "llmops.cli"]
    subprocess.run([*llmops, "up", "--detach", "--no-demo"], env=environment, check=True)
    try:
        answer = subprocess.run(
            [*llmops, "apikey", "create", "--project", "demo", "--scopes", "all"],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        yield Site(f"http://127.0.0.1:{port}", answer.stdout.splitlines()[-1], home, password)
    finally:
        subprocess.run([*llmops, "stop"], env=environment, check=True)


def bare_loop(models_url: str, calls: int, concurrency: int) -> dict[str, float]:
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "bench.bare_loop", "--base-url", models_url),
            *("--calls", str(calls), "--concurrency", str(concurrency)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(answer.stdout))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{url} does not answer.")


def when_and_where() -> str:
    """What belongs beside every figure: the day, and the machine."""
    today, python = datetime.now(UTC).date(), platform.python_version()
    return f"{today}, {platform.machine()}, {os.cpu_count()} cores, Python {python}"


def report(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    print(f"\n{when_and_where()}")
    rounds = f"{options.rounds} rounds; median (lowest to highest)"
    print(f"{options.cases} cases, one call each of {DELAY_S * 1000:.0f} ms, {rounds}")
    for concurrency in CONCURRENCIES:
        mine = [row for row in rows if row["concurrency"] == concurrency]
        ratio = [row["wall_s"] / row["floor_s"] for row in mine]
        total = [sum(row["cpu_ms"].values()) for row in mine]
        parts = ", ".join(
            f"{name} {statistics.median(row['cpu_ms'][name] for row in mine):.2f}" for name in mine[0]["cpu_ms"]
        )
        print(
            f"concurrency {concurrency}: floor {mine[0]['floor_s']:.1f} s,"
            f" wall {_spread([row['wall_s'] for row in mine])} s,"
            f" {_spread(ratio)} x floor (limit {LIMITS[concurrency]}),"
            f" CPU {_spread(total)} ms a case (limit 6; {parts}),"
            f" largest worker {max(row['worker_mb'] for row in mine):.0f} MB (limit 300);"
            f" a bare loop {_spread([row['bare']['wall_s'] / row['floor_s'] for row in mine])} x floor,"
            f" {_spread([row['bare']['cpu_ms'] for row in mine])} CPU ms a call"
        )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
