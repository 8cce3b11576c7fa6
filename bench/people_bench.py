"""Fifty people who click through for ten minutes: python -m bench.people_bench

Starts the whole platform in a folder of its own, fills it as bench.pages_bench does, lets locust sign 50 people in and
click, and prints how long pages took, and how many requests failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from bench.filled import fill
from bench.run_bench import Site, started, when_and_where

LIMIT_MS = 300


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmops-bench-") as folder, started(Path(folder)) as site:
        found = clicked(site, fill(site), options)
    print(f"\n{when_and_where()}")
    everything: Counter[int] = Counter()
    for entry in sorted(found, key=lambda entry: str(entry["name"])):
        times = Counter({int(float(took)): n for took, n in entry["response_times"].items()})
        everything += times
        print(f"{entry['name']:28} {entry['num_requests']:6} requests, {entry['num_failures']} failed, {_said(times)}")
    n_failed = sum(entry["num_failures"] for entry in found)
    print(
        f"{options.people} people, {options.minutes:g} minutes: {everything.total()} requests,"
        f" {n_failed} failed (limit 0), {_said(everything)} (limit of the p95 {LIMIT_MS} ms)"
    )


def clicked(site: Site, run: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """What locust found, a row for each kind of page."""
    number = run.rstrip("/").rsplit("/", 1)[1]
    results = site.call("GET", f"runs/{number}/results/")["results"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(sys.prefix, "bench")),
        "BENCH_EMAIL": site.email,
        "BENCH_PASSWORD": site.password,
        "BENCH_RUN": run,
        "BENCH_RESULTS": ",".join(str(result["id"]) for result in results),
    }
    seconds = round(60 * options.minutes)
    answer = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "locust",
                "--locustfile",
                "bench/people.py",
                "--headless",
                "--json",
                "--skip-log-setup",
            ),
            *("--users", str(options.people), "--spawn-rate", "1", "--run-time", f"{seconds}s", "--host", site.url),
        ],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,  # 1 says that a request failed, which is told below
    )
    return list(json.loads(answer.stdout))


def _said(times: Counter[int]) -> str:
    ordered = sorted(times.elements())
    if not ordered:
        return "none"
    median, p95 = ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))]
    return f"median {median} ms, p95 {p95} ms, longest {ordered[-1]} ms"


if __name__ == "__main__":
    main()
