"""The whole platform, started as people start it, and a real browser in front of it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from llmops.cli.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# Without a user interface of its own where there is one: a page takes half the time.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))), None
)
START_S = 120
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass(frozen=True)
class Site:
    """A running platform with the demo project, and its administrator."""

    url: str
    email: str
    password: str
    environment: dict[str, str]

    def llmops(self, *arguments: str) -> str:
        """What an `llmops` command beside the running platform prints."""
        command = [sys.executable, "-m", "llmops.cli", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True, timeout=START_S
        )
        return done.stdout


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    email, password = "someone@example.com", secrets.token_urlsafe(12)
    port = free_port()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LLMOPS_", "DJANGO_")) and name not in ("DATABASE_URL", "REDIS_URL")
    }
    environment = inherited | {
        "LLMOPS_ENV_FILE": os.devnull,
        "LLMOPS_HOME": str(tmp_path_factory.mktemp("platform") / "home"),
        "LLMOPS_PORT": str(port),
        "LLMOPS_ADMIN_EMAIL": email,
        "LLMOPS_ADMIN_PASSWORD": password,
        "LLMOPS_LOCAL_MODEL": "0",
    }
    running = Site(f"http://127.0.0.1:{port}", email, password, environment)
    running.llmops("up", "--detach")
    yield running
    running.llmops("stop")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("No Chromium on this machine: install the system's package, or let `make test` do so as root.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Watched:
    """A page whose console errors, refused contents and failed requests are kept as `complaints`."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _heard(self, said: ConsoleMessage) -> None:
        # A poll that is under way when the page is left is cut off by the browser, and htmx says so.
        cut_off = said.text.startswith(("htmx:afterRequest", "htmx:sendAbort", "htmx:sendError"))
        if said.type == "error" and not cut_off:
            self.complaints.append(said.text)


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser of its own, which speaks to this machine alone."""
    opened = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(15_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    """A page on which the administrator has signed in; at the end nothing may have been complained about."""
    opened = context.new_page()
    watched = Watched(opened)
    opened.goto("/")
    opened.locator("input[name=username]").fill(site.email)
    opened.get_by_label("Password").fill(site.password)
    opened.get_by_role("button", name="Sign in").click()
    opened.wait_for_url("**/p/demo/")
    yield opened
    assert watched.complaints == []
