"""Every page opens in a real browser without a complaint, and fits a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

PAGES = [
    "/p/demo/",
    "/p/demo/prompts/",
    "/p/demo/new-prompt/",
    "/p/demo/prompts/support-answer/",
    "/p/demo/prompts/support-answer/?version=1",
    "/p/demo/datasets/",
    "/p/demo/new-dataset/",
    "/p/demo/datasets/Card%20and%20account%20questions/",
    "/p/demo/datasets/Card%20and%20account%20questions/add/",
    "/p/demo/datasets/Card%20and%20account%20questions/import/",
    "/p/demo/datasets/Card%20and%20account%20questions/history/",
    "/p/demo/metrics/",
    "/p/demo/new-metric/",
    "/p/demo/metrics/Correct/",
    "/p/demo/runs/",
    "/p/demo/runs/new/",
    "/p/demo/runs/1/",
    "/p/demo/runs/1/?show=wrong",
    "/p/demo/models/",
    "/p/demo/models/new/",
    "/p/demo/settings/",
    "/p/demo/settings/members/",
    "/p/demo/settings/api-keys/",
]


def test_every_page_opens_and_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for address in PAGES:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy, address
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{address} scrolls sideways"
        assert page.locator("h1").count() == 1, address
