"""The page of a prompt in a real browser: drafts, messages, variables, Try it, two people, keyboard."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
_numbers = itertools.count(1)


def write_prompt(page: Page, user_text: str = "Hello {{question}}") -> str:
    """A new prompt with instructions and this text, answered by the practice model. Returns its address."""
    name = f"editor {next(_numbers)}"
    page.goto("/p/demo/new-prompt/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Instructions to the model").fill("Be kind.")
    page.get_by_label("What it gets each time").fill(user_text)
    page.get_by_label("Connection").select_option(label="practice")
    page.locator("input[name=model]").fill("echo")
    page.get_by_role("button", name="Make the prompt").click()
    page.wait_for_url("**/prompts/**")
    return page.url


def texts(page: Page) -> list[str]:
    return [area.input_value() for area in page.locator("#prompt-messages textarea").all()]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save as version").click()


def test_variables_and_mistakes_show_while_typing_and_typed_values_stay(page: Page) -> None:
    write_prompt(page)
    page.locator("#try").get_by_label("question").fill("How?")
    page.get_by_label("Text of message 2").fill("{{question}} {{name}} {tone} {{broken")
    variables = page.locator("#prompt-variables")
    expect(variables).to_contain_text("Message 2, line 1, column 30: These braces are not closed")
    expect(variables).to_contain_text("{tone} has single braces")
    expect(page.locator("#try").get_by_label("name")).to_be_visible()
    expect(page.locator("#try").get_by_label("question")).to_have_value("How?")
    expect(page.get_by_label("Text of message 2")).to_be_focused()
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#try [role=alert]")).to_contain_text("Message 2. Line 1, column 30")
    page.get_by_label("Text of message 2").fill("{{question}}")
    expect(page.locator(".variables-problem")).to_have_count(0)


def test_a_draft_survives_a_reload_with_all_messages_and_goes_when_saved(page: Page) -> None:
    write_prompt(page)
    page.get_by_role("button", name="Add a message").click()
    page.keyboard.type("an example answer")
    page.get_by_label("Move message 3 up").click()
    assert texts(page) == ["Be kind.", "an example answer", "Hello {{question}}"]
    page.locator("#try").get_by_label("question").fill("typed to try")
    page.reload()
    expect(page.locator(".draft-note")).to_contain_text("This is what you had typed and not saved.")
    assert texts(page) == ["Be kind.", "an example answer", "Hello {{question}}"]
    expect(page.locator("#try").get_by_label("question")).to_have_value("typed to try")
    page.get_by_label("What changed").fill("with an example")
    save(page)
    expect(page.locator("#toasts")).to_contain_text("Version 2 is saved.")
    expect(page.locator(".draft-note")).to_have_count(0)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('draft'))") == []
    save(page)
    expect(page.locator("#toasts")).to_contain_text("Nothing to save: this is exactly version 2.")


def test_saving_is_offered_when_there_is_something_to_save_and_hides_no_field(page: Page) -> None:
    write_prompt(page)
    page.set_viewport_size({"width": 1280, "height": 500})
    button, bar = page.get_by_role("button", name="Save as version 2"), page.locator(".save-bar")
    expect(button).not_to_have_class(re.compile("btn-primary"))
    expect(bar).not_to_have_css("position", "sticky")
    page.get_by_label("Text of message 1").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Always.")
    expect(button).to_have_class(re.compile("btn-primary"))
    expect(button).to_be_in_viewport()
    while page.evaluate("document.activeElement.name") != "message":
        page.keyboard.press("Tab")
        covered = page.evaluate(
            """() => {
                const bar = document.querySelector(".save-bar");
                const field = document.activeElement;
                return !bar.contains(field) && field.getBoundingClientRect().bottom > bar.getBoundingClientRect().top;
            }"""
        )
        assert not covered, page.evaluate("document.activeElement.outerHTML")
    page.get_by_label("Text of message 1").fill("Be kind.")
    expect(button).not_to_have_class(re.compile("btn-primary"))


def test_a_draft_stays_when_the_text_was_checked_while_typing(page: Page) -> None:
    write_prompt(page)
    with page.expect_response("**/variables/"):
        page.get_by_label("Text of message 2").fill("Hello {{question}}, says {{name}}")
    expect(page.locator("#prompt-variables")).to_contain_text("name")
    page.reload()
    expect(page.locator(".draft-note")).to_contain_text("This is what you had typed and not saved.")
    assert texts(page)[1] == "Hello {{question}}, says {{name}}"


def test_a_draft_can_be_discarded_and_a_message_put_back(page: Page) -> None:
    write_prompt(page)
    page.get_by_label("Take message 1 away").click()
    assert texts(page) == ["Hello {{question}}"]
    page.get_by_role("button", name="Put it back").click()
    assert texts(page) == ["Be kind.", "Hello {{question}}"]
    page.get_by_label("Text of message 1").fill("Be rude.")
    page.reload()
    page.get_by_role("button", name="Discard it").click()
    assert texts(page) == ["Be kind.", "Hello {{question}}"]
    expect(page.get_by_text("not saved yet")).to_be_hidden()


def test_trying_streams_stops_and_shows_what_was_sent(page: Page) -> None:
    write_prompt(page)
    trying = page.locator("#try")
    trying.get_by_label("question").fill("<b>world</b>")
    trying.get_by_role("button", name="Try it").click()
    expect(page.locator("#try-answer")).to_have_text("Hello <b>world</b>")
    expect(trying).to_contain_text("tokens in")
    page.get_by_text("Preview: what exactly is sent").click()
    expect(page.locator("#prompt-sent pre").last).to_have_text("Hello <b>world</b>")
    trying.get_by_label("question").fill("<i>you</i>")
    expect(page.locator("#prompt-sent pre").last).to_have_text("Hello <i>you</i>")
    trying.get_by_label("question").fill("<b>world</b>")
    page.locator("input[name=model]").fill("slow:60000")
    trying.get_by_role("button", name="Try it").click()
    trying.get_by_role("button", name="Stop").click()
    expect(trying).to_contain_text("Stopped.")
    page.locator("input[name=model]").fill("ekko")
    trying.get_by_role("button", name="Try it").click()
    expect(trying.get_by_role("alert")).to_contain_text("does not know the model “ekko”")


def test_everything_is_done_by_keyboard(page: Page) -> None:
    write_prompt(page)
    page.get_by_label("Text of message 2").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" please")
    page.locator("#try").get_by_label("question").focus()
    page.keyboard.type("you")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#try-answer")).to_have_text("Hello you please")
    page.get_by_label("Move message 2 up").focus()
    page.keyboard.press("Enter")
    assert texts(page) == ["Hello {{question}} please", "Be kind."]
    page.get_by_label("What changed").focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Version 2 is saved.")
    assert texts(page) == ["Hello {{question}} please", "Be kind."]
    page.get_by_label("Text of message 1").focus()
    page.keyboard.type("!")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Version 3 is saved.")


def test_choosing_a_connection_proposes_its_models(page: Page) -> None:
    page.goto("/p/demo/models/new/?vendor=practice")
    page.get_by_label("Name").fill("second practice")
    page.get_by_label("Model to begin with").fill("fixed:Second")
    page.get_by_role("button", name="Save and test").click()
    expect(page.locator("#toasts")).to_contain_text("“second practice” is connected.")
    write_prompt(page)
    model = page.locator("input[name=model]")
    model.fill("")
    page.get_by_label("Connection").select_option(label="second practice")
    expect(model).to_have_value("fixed:Second")
    offered = page.locator(f"#{model.get_attribute('list')} option")
    expect(offered.first).to_have_attribute("value", "fixed:Second")


@pytest.fixture
def other_vendor(site: Site) -> Iterator[str]:
    """The name of a connection to another vendor, which no other test meets."""
    key = site.llmops("apikey", "create", "--project", "demo", "--scopes", "all").splitlines()[-1]
    with httpx.Client(base_url=f"{site.url}/api/v1/", headers={"Authorization": f"Bearer {key}"}) as api:
        made = {"name": "the other vendor", "vendor": "openai", "api_key": "sk-nothing"}
        api.post("connections/", json=made).raise_for_status()
        yield made["name"]
        api.delete(f"connections/{made['name']}/").raise_for_status()


def test_a_model_of_one_vendor_is_not_kept_for_another(page: Page, other_vendor: str) -> None:
    page.goto("/p/demo/prompts/support-answer/")
    connection, model = page.get_by_label("Connection"), page.locator("input[name=model]")
    expect(model).to_have_value("banker")
    connection.select_option(label=other_vendor)
    expect(model).to_have_value("gpt-4o-mini")
    connection.select_option(label="practice")
    expect(model).to_have_value("banker")
    model.fill("fixed:of my own")
    connection.select_option(label=other_vendor)
    expect(model).to_have_value("gpt-4o-mini")
    connection.select_option(label="practice")
    expect(model).to_have_value("fixed:of my own")


def test_two_people_at_once_meet_and_lose_nothing(page: Page, context: BrowserContext) -> None:
    address = write_prompt(page)
    mine = context.new_page()  # the browser itself reports the answer 409, so this one is not watched
    mine.goto(address)
    mine.get_by_label("Text of message 1").fill("Be kind and mine.")
    page.get_by_label("Text of message 1").fill("Be kind and theirs.")
    page.get_by_label("Text of message 2").fill("Good day {{question}}")
    page.get_by_label("What changed").fill("their note")
    save(page)
    expect(page.locator("#toasts")).to_contain_text("Version 2 is saved.")
    save(mine)
    expect(mine.locator("main")).to_contain_text("saved version 2 elsewhere while writing here")
    expect(mine.locator("main")).to_contain_text("their note")
    mine.get_by_role("button", name="Save as version 3").click()
    expect(mine.get_by_role("alert")).to_contain_text("One place is not decided yet")
    mine.goto("/p/demo/")
    mine.goto(address)
    mine.get_by_role("button", name="Show my text").click()
    assert texts(mine)[0] == "Be kind and mine.", "the text outlives the page, and looking elsewhere meanwhile"
    save(mine)
    mine.get_by_label("Keep what you wrote here").check()
    mine.get_by_role("button", name="Save as version 3").click()
    expect(mine.locator("#toasts")).to_contain_text("Version 3 is saved.")
    assert texts(mine) == ["Be kind and mine.", "Good day {{question}}"]


def test_the_page_works_without_javascript(page: Page, context: BrowserContext) -> None:
    address = write_prompt(page)
    browser = context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False, storage_state=context.storage_state())
    opened = plain.new_page()
    opened.goto(address)
    opened.get_by_role("button", name="Add a message").click()
    opened.get_by_label("Text of message 3").fill("third")
    opened.get_by_label("Move message 3 up").click()
    expect(opened.get_by_label("Text of message 2")).to_have_value("third")
    assert texts(opened) == ["Be kind.", "third", "Hello {{question}}"]
    opened.locator("#try").get_by_label("question").fill("you")
    opened.get_by_role("button", name="Try it").click()
    expect(opened.locator("#try-answer")).to_have_text("Hello you")
    save(opened)
    expect(opened.locator("#toasts")).to_contain_text("Version 2 is saved.")
    plain.close()
