"""How quick and how heavy pages are with thousands of everything: python -m bench.pages_bench

Starts the whole platform in a folder of its own, fills it over REST (500 prompts, a dataset of 10,000 cases, a run of
10,000 results) and prints for each page the time from the request to the last byte over loopback, which is the
server's time and a little more, and what a browser with a cold cache is sent: scripts, and all in all, compressed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Request, sync_playwright

from bench.filled import DATASET, PROJECT, fill, signed_in
from bench.run_bench import Site, started, when_and_where

LIMIT_MS, LIMIT_SCRIPT_KB, LIMIT_ALL_KB = 150, 350, 600
CHROMIUM = "/usr/bin/chromium"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmops-bench-") as folder, started(Path(folder)) as site:
        run = fill(site)
        pages = {
            "home": f"{PROJECT}/",
            "500 prompts": f"{PROJECT}/prompts/",
            "500 prompts, searched": f"{PROJECT}/prompts/?q=prompt-4",
            "one prompt": f"{PROJECT}/prompts/prompt-007/",
            "10,000 cases": DATASET,
            "10,000 cases, page 90": f"{DATASET}?page=90",
            "10,000 cases, searched": f"{DATASET}?q=card+number+77",
            "10,000 cases, by tag": f"{DATASET}?tag=accounts",
            "run of 10,000": run,
            "run of 10,000, wrong ones": f"{run}?show=wrong",
            "one result": f"{run}?result={_a_result(site, run)}",
            "runs": f"{PROJECT}/runs/",
        }
        print(f"\n{when_and_where()}")
        print(f"{options.requests} requests a page, one after the other; limit of the p95 {LIMIT_MS} ms")
        print(f"cold cache, compressed: limit {LIMIT_SCRIPT_KB} kB of script, {LIMIT_ALL_KB} kB in all")
        with closing(signed_in(site)) as client, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            )
            for name, path in pages.items():
                times = _times_ms(client, path, options.requests)
                p95 = statistics.quantiles(times, n=20)[-1]
                script, everything = _weight_kb(browser, client, path)
                print(
                    f"{name:26} median {statistics.median(times):4.0f} ms, p95 {p95:4.0f} ms;"
                    f" script {script:3.0f} kB, all {everything:3.0f} kB"
                )
            browser.close()


def _a_result(site: Site, run: str) -> int:
    number = run.rstrip("/").rsplit("/", 1)[1]
    return int(site.call("GET", f"runs/{number}/results/")["results"][0]["id"])


def _times_ms(client: httpx.Client, path: str, n: int) -> list[float]:
    times = []
    for number in range(n + 3):  # the first ones load templates and plans
        started_at = time.perf_counter()
        client.get(path).raise_for_status()
        if number >= 3:
            times.append(1000 * (time.perf_counter() - started_at))
    return times


def _weight_kb(browser: Browser, client: httpx.Client, path: str) -> tuple[float, float]:
    """Scripts, and everything, that a browser which has never been here is sent."""
    context = browser.new_context()
    context.add_cookies(
        [{"name": each.name, "value": each.value or "", "url": str(client.base_url)} for each in client.cookies.jar]
    )
    page = context.new_page()
    asked: list[Request] = []
    page.on("requestfinished", lambda request: asked.append(request))
    page.goto(str(client.base_url.join(path)), wait_until="networkidle")
    sizes = [(request.resource_type, request.sizes()["responseBodySize"]) for request in asked]
    context.close()
    return sum(size for kind, size in sizes if kind == "script") / 1000, sum(size for _, size in sizes) / 1000


if __name__ == "__main__":
    main()
