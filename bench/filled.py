"""A platform with thousands of everything, made over REST, and people who sign in to it, for the benches of pages."""

from __future__ import annotations

import re

import httpx

from bench.run_bench import Site

PROMPTS, CASES = 500, 10_000
PROJECT = "/p/demo"
DATASET = f"{PROJECT}/datasets/big/"
_AT_ONCE = 1_000
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def fill(site: Site) -> str:
    """500 prompts, a dataset of 10,000 cases and a run of 10,000 results. Returns the run's page."""
    site.call("POST", "connections/", {"name": "practice", "vendor": "practice"})
    for number in range(PROMPTS):
        site.call(
            "POST",
            "prompts/",
            {
                "name": f"prompt-{number:03}",
                "kind": "chat",
                "messages": [
                    {"role": "system", "content": "You answer questions of customers in at most three sentences. " * 5},
                    {"role": "user", "content": "{{question}}"},
                ],
                "model": {"connection": "practice", "model": "echo"},
            },
        )
    site.call("POST", "datasets/", {"name": "big"})
    for start in range(0, CASES, _AT_ONCE):
        rows = [
            {
                "key": f"case-{number}",
                "inputs": {"question": f"Question {number}: how do I block card number {number * 7919 % 10_000}?"},
                "expected": f"Answer {number}",
                "tags": ["cards" if number % 3 else "accounts"],
            }
            for number in range(start, start + _AT_ONCE)
        ]
        site.call("POST", "datasets/big/cases/", {"cases": rows})
    site.call("POST", "evaluators/", {"name": "exact", "kind": "exact"})
    outputs = [{"case": f"case-{n}", "output": f"Answer {n if n % 5 else 0}"} for n in range(CASES)]
    wanted = {"dataset": "big", "evaluators": ["exact"], "label": "ten thousand", "outputs": outputs}
    run = site.call("POST", "runs/", wanted)
    return f"{PROJECT}/runs/{run['id']}/"


def signed_in(site: Site) -> httpx.Client:
    """A client with the cookies of somebody who has signed in."""
    client = httpx.Client(base_url=site.url, timeout=60, trust_env=False)
    token = csrf_of(client.get("/sign-in/").text)
    answer = client.post(
        "/sign-in/", data={"csrfmiddlewaretoken": token, "username": site.email, "password": site.password, "next": ""}
    )
    if answer.status_code != httpx.codes.FOUND:
        raise RuntimeError(f"Signing in was answered with {answer.status_code}.")
    return client


def csrf_of(page: str) -> str:
    """The token of the page's form."""
    found = _CSRF.search(page)
    if found is None:
        raise RuntimeError("The page has no form.")
    return found[1]
