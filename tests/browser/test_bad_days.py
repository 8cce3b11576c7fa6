"""What the page does on a bad day: the sign-in ended while something was typed, the server cannot be reached."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

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
    page.get_by_role("button", name="Make the dataset").click()
    page.wait_for_url("**/sign-in/**")
    sign_in_again(page, site)
    page.wait_for_url("**/p/demo/new-dataset/")
    expect(page.get_by_role("alert")).to_contain_text("What you typed is here again")
    expect(page.get_by_label("Name")).to_have_value("Typed while signed out")
    expect(page.get_by_label("Description")).to_have_value("One line\nand another")
    page.get_by_role("button", name="Make the dataset").click()
    page.wait_for_url("**/datasets/Typed%20while%20signed%20out/add/")
    page.goto("/p/demo/new-dataset/")
    expect(page.get_by_label("Name")).to_have_value("")


def test_a_table_that_was_refused_unread_is_there_again_with_the_rows_that_were_added(
    page: Page, context: BrowserContext
) -> None:
    page = context.new_page()  # of its own: the console names the 403
    page.goto("/p/demo/datasets/Card%20and%20account%20questions/add/")
    page.get_by_role("button", name="Add a row").click()
    cells = page.locator(".grid-table tbody textarea")
    n_cells = cells.count()
    cells.first.fill("typed first")
    cells.last.fill("typed last")
    context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Store these cases").click()
    page.get_by_role("link", name="Back to what I typed").click()
    expect(page.get_by_role("alert")).to_contain_text("open for too long")
    expect(cells).to_have_count(n_cells)
    expect(cells.first).to_have_value("typed first")
    expect(cells.last).to_have_value("typed last")


def test_menus_folds_and_the_bar_of_ticked_rows_keep_to_a_phone(page: Page) -> None:
    def fits(part: Locator) -> bool:
        box = part.bounding_box()
        wide = page.evaluate("document.documentElement.scrollWidth")
        return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 and wide <= 390

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/p/demo/runs/new/")
    page.get_by_text("More choices").click()
    assert fits(page.get_by_label("Only so many cases"))
    page.goto("/p/demo/datasets/Card%20and%20account%20questions/")
    page.get_by_text("More", exact=True).click()
    assert fits(page.get_by_role("link", name="Download as JSON Lines"))
    page.keyboard.press("Escape")
    page.locator("[data-tick]").first.check()
    assert fits(page.get_by_role("button", name="Remove tag"))


def test_on_a_phone_what_one_came_for_is_first_and_nothing_is_said_of_what_is_not_there(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/p/demo/new-dataset/")
    page.get_by_label("Name").fill("Sparse")
    page.get_by_text("I type or paste them").click()
    page.get_by_role("button", name="Make the dataset").click()
    page.get_by_label("question, row 1").fill("Is anybody there?")
    page.get_by_role("button", name="Store these cases").click()
    page.wait_for_url("**/datasets/Sparse/**")
    row = page.locator(".case-table tbody tr")
    expect(row).to_contain_text("Is anybody there?")
    expect(row.locator("td[data-name='Expected answer']")).to_be_hidden()
    run = page.get_by_role("link", name="Start a run").bounding_box()
    more = page.get_by_text("More", exact=True).bounding_box()
    assert run is not None and more is not None
    assert run["y"] + run["height"] <= more["y"]
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(row.locator("td[data-name='Expected answer']")).to_be_visible()


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


def test_pages_of_a_broken_platform_have_their_styles(site: Site) -> None:
    answer = httpx.get(site.url, headers={"Host": "elsewhere.example"})
    assert answer.status_code == 400
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)">', answer.text)
    assert len(sheets) == 3
    assert [httpx.get(f"{site.url}{sheet}").status_code for sheet in sheets] == [200, 200, 200]


def test_names_of_any_script_and_length_keep_to_the_page(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("Donaudampfschifffahrt" * 5, "مساعد خدمة العملاء", "🏦 💳 Karten"):
        page.goto("/p/demo/new-dataset/")
        page.get_by_label("Name").fill(name[:100])
        page.get_by_role("button", name="Make the dataset").click()
        page.goto("/p/demo/datasets/")
        link = page.get_by_role("link", name=name[:100])
        expect(link).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        link.click()
        expect(page.locator("h1")).to_have_text(name[:100])
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_line_of_choices_that_goes_on_beyond_a_phone_fades_out_and_ends_in_full_sight(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto("/p/demo/runs/1/")
    chips = page.locator("#run-results .chips")
    seen = """(line) => {
        const fade = getComputedStyle(line, "::after"), edge = line.getBoundingClientRect().right
        const last = line.querySelector(".chips-line > .chip:last-child").getBoundingClientRect().right
        return { more: line.scrollWidth - line.clientWidth, room: edge - last,
                 fade: parseFloat(fade.width), over: fade.position === "sticky" && fade.pointerEvents === "none" }
    }"""
    before = chips.evaluate(seen)
    assert before["more"] > 0 > before["room"]
    assert before["over"] and before["fade"] > 16
    chips.evaluate("(line) => line.scrollTo({ left: 9999, behavior: 'instant' })")
    assert chips.evaluate(seen)["room"] >= before["fade"] - 16
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
