"""R49: axe finds nothing serious or critical on any page, in light and in dark; every page fits a phone."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.conftest import Site
from tests.browser.pages import OPEN_PAGES, OWN_PAGES, PAGES

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=900)
SERIOUS = {"serious", "critical"}
# A style sheet made by script: the content policy refuses style elements, as it should.
STILL = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, *::before, *::after { transition: none !important; animation: none !important }");
  document.adoptedStyleSheets = [sheet];
}"""


@pytest.fixture(scope="module", autouse=True)
def objects(site: Site) -> None:
    """What the demo project has none of: an API key."""
    site.llmops("apikey", "create", "--project", "demo", "--scopes", "all")


def findings(page: Page, *, only: str = "") -> list[str]:
    """What axe, which is in the page already, says of it as it is: rule, place and help, one line each."""
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if only:
        options["runOnly"] = [only]
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def findings_in_both(page: Page) -> list[str]:
    """All rules in light, and those of colour in dark as well."""
    page.evaluate(STILL)
    page.evaluate(AXE_SCRIPT)
    page.emulate_media(color_scheme="light")
    found = findings(page)
    page.emulate_media(color_scheme="dark")
    return found + [f"dark: {each}" for each in findings(page, only="color-contrast")]


def keep_a_view(page: Page) -> None:
    """What the demo project has none of either."""
    page.goto("/p/demo/runs/?state=finished")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name").fill("Finished")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Finished", exact=True).wait_for()


def addresses(*apps: str) -> list[str]:
    """All pages of these apps in the demo project."""
    return [f"/p/demo/{each}" for name, found in PAGES.items() if name.startswith(apps) for each in found]


def check(page: Page, pages: list[str]) -> None:
    """Axe finds nothing on these pages, and they fit a phone."""
    wrong = {}
    for address in pages:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        assert "unsafe" not in answer.headers["content-security-policy"], address
        assert page.locator("h1").count() == 1, address
        if found := findings_in_both(page):
            wrong[address] = found
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], f"{address} scrolls sideways"
        page.set_viewport_size(DESK)
    assert wrong == {}


# Classes, so that two processes share the pages.
class TestEvaluation:
    def test_axe_finds_nothing_on_its_pages_and_they_fit_a_phone(self, page: Page) -> None:
        check(page, addresses("evals:"))


class TestPromptsAndTheCore:
    def test_axe_finds_nothing_on_their_pages_and_they_fit_a_phone(self, page: Page) -> None:
        keep_a_view(page)
        mine = addresses("prompts:", "core:")
        assert {*mine, *addresses("evals:")} == {*addresses("")}
        check(page, mine + OWN_PAGES)


def test_axe_finds_nothing_on_the_pages_without_a_project(browser: Browser, site: Site) -> None:
    opened = browser.new_context(base_url=site.url).new_page()
    wrong = {}
    for address in OPEN_PAGES:
        opened.goto(address)
        if found := findings_in_both(opened):
            wrong[address] = found
    opened.context.close()
    assert wrong == {}
