"""Every page of a project is opened in a browser by the tests of accessibility."""

from __future__ import annotations

from tests.browser.pages import NO_PAGE, PAGES
from tests.security import access_table


def test_every_page_that_can_be_read_has_an_address_in_the_browser_tests() -> None:
    readable = {name for name, page in access_table.PAGES.items() if page.get is not None}
    assert readable == set(PAGES) | (set(NO_PAGE) & readable), "add the page to tests/browser/pages.py"
    assert all(PAGES.values())
