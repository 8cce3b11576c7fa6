"""A real browser that notes whatever a page does beyond showing text, and the web process that it visits.

Both live in threads of their own: Playwright keeps an event loop in its thread, in which the ORM does not work.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
import uvicorn
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.browser.conftest import CHROMIUM, FLAGS

T = TypeVar("T")

_NOTICES = """
addEventListener('securitypolicyviolation', (event) =>
  console.error('x31 policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample))
"""
_MARKS = """
() => {
  const found = []
  for (const element of document.querySelectorAll('[x31], x31, plaintext, xmp, listing')) {
    found.push('element: ' + element.outerHTML.slice(0, 200))
  }
  const addresses = ['href', 'src', 'action', 'formaction', 'data', 'poster', 'srcset', 'xlink:href', 'ping']
  for (const element of document.querySelectorAll('*')) {
    for (const {name, value} of element.attributes) {
      if (name.startsWith('on') || name.startsWith('hx-on')) found.push('handler: ' + name + '=' + value.slice(0, 200))
      if (!addresses.includes(name) && !/^(data-)?hx-(get|post|put|patch|delete)$/.test(name)) continue
      let address = null
      try { address = new URL(value, location.href) } catch { found.push('unreadable: ' + name + '=' + value) }
      if (address && address.origin !== location.origin && !(name === 'href' && element.dataset.outside === 'ours')) {
        found.push('address: ' + name + '=' + value.slice(0, 200))
      }
    }
  }
  return found
}
"""

_FILL_IN = """
([at, text]) => {
  const typed = (form) => [...form.elements].filter((field) =>
    field.name && (field.tagName === 'TEXTAREA' || /^(text|search|url|email|number|password)$/.test(field.type)))
  const forms = [...document.querySelectorAll('main form[method=post]')].filter((form) => typed(form).length)
  if (at >= forms.length) return false
  for (const field of typed(forms[at])) {
    if (field.tagName === 'INPUT') field.type = 'text'
    field.value = text
  }
  HTMLFormElement.prototype.submit.call(forms[at])
  return true
}
"""


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The pages over HTTP from this process, over the test's database."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = _kept_by_the_browser(ASGIStaticFilesHandler(get_asgi_application()))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()


def _kept_by_the_browser(app: Any) -> Any:
    """The app, whose scripts and styles are fetched once and not for every page."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async def send_on(message: Any) -> None:
            if message["type"] == "http.response.start" and scope["path"].startswith("/static/"):
                message = {**message, "headers": [*message["headers"], (b"cache-control", b"max-age=600")]}
            await send(message)

        await app(scope, receive, send_on)

    return answer


class Watched:
    """A page on which everything is noted that an attacker would be pleased with."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.findings: list[str] = []
        self.downloads: list[str] = []
        self.visited: dict[str, int] = {}
        self._context = context
        self._origin = origin
        self._at = ""
        context.add_init_script(_NOTICES)
        self.page: Page = context.new_page()
        self.page.on("dialog", lambda dialog: (self._note(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self._note(f"error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("popup", lambda popup: self._note(f"window: {popup.url}"))
        self.page.on("framenavigated", lambda frame: self._came_to(frame.url))
        context.on("request", self._asked)
        context.on("response", self._answered)

    def visit(self, path: str) -> int:
        """Open a page and look at what became of it. Returns the HTTP status."""
        self._at = path
        try:
            answer = self.page.goto(self._origin + path, wait_until="load")
        except PlaywrightError as said:
            assert "Download is starting" in str(said), f"{path}: {said}"
            self.downloads.append(path)
            return 200
        assert answer is not None, path
        self.visited[path] = answer.status
        self.look()
        return answer.status

    def fill_in(self, path: str, text: str, *, most: int = 8) -> None:
        """Send the forms of a page with `text` in all of their fields, and look at each answer."""
        for at in range(most):
            if self.visit(path) != 200:
                return
            self._at = f"{path}, form {at + 1}"
            if not self.page.evaluate(_FILL_IN, [at, text]):
                return
            self.page.wait_for_event("load")
            self.look()

    def pretend(self, path: str, html: str) -> None:
        """Answer `path` with this page of nobody's."""
        self._context.route(self._origin + path, lambda route: route.fulfill(body=html, content_type="text/html"))

    def look(self) -> None:
        """Note what the page now has that only one of the hostile texts can have made."""
        for found in self.page.evaluate(_MARKS):
            self._note(found)

    def more_of_it(self, *, most: int = 10) -> None:
        """Page through the list on this page."""
        for _ in range(most):
            further = self.page.locator("a[rel=next]").first
            if further.count() == 0:
                return
            path = further.get_attribute("href") or ""
            self.visit(path if path.startswith("/") else urlsplit(self.page.url).path + path)

    def _note(self, what: str) -> None:
        self.findings.append(f"{self._at}: {what}")

    def _heard(self, said: ConsoleMessage) -> None:
        text = said.text
        # A poll cut off by leaving the page, and what the browser says of an answer such as 404.
        quiet = text.startswith(("htmx:afterRequest", "htmx:sendAbort", "htmx:sendError", "Failed to load resource"))
        if said.type == "error" and not quiet:
            self._note(f"console: {text}")

    def _came_to(self, url: str) -> None:
        if url != "about:blank" and not url.startswith(self._origin):
            self._note(f"went to {url}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:image/")):
            self._note(f"request: {request.url}")

    def _answered(self, response: Response) -> None:
        if not response.url.startswith(self._origin) or "/static/" in response.url:
            return
        if response.status >= 500:
            self._note(f"{response.url}: {response.status}")
        headers = response.headers
        if headers.get("x-content-type-options") != "nosniff":
            self._note(f"{response.url}: the browser may guess what it is")
        kind = headers.get("content-type", "text/html").partition(";")[0]
        if kind == "text/html" and (problem := policy_problem(headers.get("content-security-policy", ""))):
            self._note(f"{response.url}: {problem}")


def policy_problem(policy: str) -> str:
    """What is wrong with a Content-Security-Policy header of ours; empty when nothing is."""
    rules = {name: values for name, *values in (rule.split() for rule in policy.split(";") if rule.strip())}
    if "unsafe" in policy:
        return f"the policy allows what is unsafe: {policy}"
    if not {"default-src", "script-src", "style-src", "object-src", "base-uri", "form-action"} <= rules.keys():
        return f"the policy leaves something open: {policy!r}"
    foreign = {value for values in rules.values() for value in values} - {"'self'", "'none'", "data:"}
    if foreign or "data:" in rules["script-src"]:
        return f"the policy lets in others: {policy}"
    return ""


def browse(origin: str, session: str, work: Callable[[Watched], T]) -> tuple[Watched, T]:
    """Do `work` with a signed-in browser, in a thread of its own. Returns also what was noted."""
    if CHROMIUM is None:
        pytest.skip("No Chromium on this machine: install the system's package, or let `make test` do so as root.")

    def run() -> tuple[Watched, T]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            context.set_default_timeout(15_000)
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": origin}])
            try:
                watched = Watched(context, origin)
                return watched, work(watched)
            finally:
                browser.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
