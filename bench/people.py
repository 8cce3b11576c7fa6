"""One person who clicks through a project with thousands of everything, for locust: see bench.people_bench."""

from __future__ import annotations

import os
import random
import sys

from locust import HttpUser, between, events, task

from bench.filled import DATASET, PROJECT, PROMPTS, csrf_of

RUN = os.environ.get("BENCH_RUN", f"{PROJECT}/runs/1/")
RESULTS = os.environ.get("BENCH_RESULTS", "1").split(",")


@events.request.add_listener
def say_what_failed(name: str, exception: Exception | None, **_request: object) -> None:
    if exception is not None:
        print(f"{name}: {exception!r}", file=sys.stderr)


class Person(HttpUser):
    """Signs in once, then looks at a page for 2 to 8 seconds before the next click."""

    wait_time = between(2, 8)

    def on_start(self) -> None:
        form = {
            "csrfmiddlewaretoken": csrf_of(self.client.get("/sign-in/").text),
            "username": os.environ["BENCH_EMAIL"],
            "password": os.environ["BENCH_PASSWORD"],
            "next": f"{PROJECT}/",
        }
        self.client.post("/sign-in/", form, name="sign in")

    @task(2)
    def home(self) -> None:
        self.client.get(f"{PROJECT}/", name="home")

    @task(3)
    def prompts(self) -> None:
        self.client.get(f"{PROJECT}/prompts/", name="500 prompts")

    @task(3)
    def prompt(self) -> None:
        self.client.get(f"{PROJECT}/prompts/prompt-{random.randrange(PROMPTS):03}/", name="one prompt")

    @task(3)
    def cases(self) -> None:
        self.client.get(f"{DATASET}?page={random.randint(1, 90)}", name="10,000 cases")

    @task(1)
    def search(self) -> None:
        self.client.get(f"{DATASET}?q=number+{random.randrange(1000)}", name="10,000 cases, searched")

    @task(3)
    def runs(self) -> None:
        self.client.get(f"{PROJECT}/runs/", name="runs")

    @task(3)
    def run_page(self) -> None:
        self.client.get(RUN, name="run of 10,000")

    @task(3)
    def result(self) -> None:
        self.client.get(f"{RUN}?result={random.choice(RESULTS)}", name="one result")
