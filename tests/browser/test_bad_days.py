"""What the page does on a bad day: the sign-in ended while something was typed, the server cannot be reached."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def sign_in_again(page: Page, site: Site) -> None:
    page.locator("input[name=username]").fill(site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in").click()


def test_what_was_typed_is_there_again_after_signing_in_once_more(
    page: Page, context: BrowserContext, site: Site
) -> None:
    page.goto("/p/demo/new-dataset/")
    page.get_by_label("Name").fill("Typed while signed out")
    page.get_by_label("Description").fill("One line\nand another")
    page.get_by_text("I type or paste them").click()
    context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Create dataset").click()
    page.wait_for_url("**/sign-in/**")
    sign_in_again(page, site)
    page.wait_for_url("**/p/demo/new-dataset/")
    expect(page.get_by_role("alert")).to_contain_text("What you typed is here again")
    expect(page.get_by_label("Name")).to_have_value("Typed while signed out")
    expect(page.get_by_label("Description")).to_have_value("One line\nand another")
    page.get_by_role("button", name="Create dataset").click()
    page.wait_for_url("**/datasets/Typed%20while%20signed%20out/add/")
    page.goto("/p/demo/new-dataset/")
    expect(page.get_by_label("Name")).to_have_value("")


def test_a_refused_request_can_be_sent_again_when_the_server_is_back(context: BrowserContext, site: Site) -> None:
    page = context.new_page()  # of its own: the console complains of the lost connection, as it should
    page.goto("/sign-in/")
    sign_in_again(page, site)
    page.wait_for_url("**/p/demo/")
    page.goto("/p/demo/datasets/Card%20and%20account%20questions/")
    context.set_offline(True)
    page.locator(".row-link").first.click()
    note = page.locator("#toasts [data-toast]")
    expect(note).to_contain_text("You are offline")
    context.set_offline(False)
    expect(note).to_contain_text("The connection is back")
    note.get_by_role("button", name="Try again").click()
    expect(page.locator("#case-sheet")).to_be_visible()


def test_names_of_any_script_and_length_keep_to_the_page(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("Donaudampfschifffahrt" * 5, "مساعد خدمة العملاء", "🏦 💳 Karten"):
        page.goto("/p/demo/new-dataset/")
        page.get_by_label("Name").fill(name[:100])
        page.get_by_role("button", name="Create dataset").click()
        page.goto("/p/demo/datasets/")
        link = page.get_by_role("link", name=name[:100])
        expect(link).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        link.click()
        expect(page.locator("h1")).to_have_text(name[:100])
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
