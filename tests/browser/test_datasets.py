"""Datasets and metrics in a real browser: the panel beside the list, pasting, importing, trying, without a mouse."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
_numbers = itertools.count(1)


@pytest.fixture
def plain(page: Page, context: BrowserContext) -> Iterator[Page]:
    """The same person in a browser without JavaScript."""
    browser = context.browser
    assert browser
    without = browser.new_context(
        base_url=page.url.split("/p/")[0],
        java_script_enabled=False,
        storage_state=context.storage_state(),  # type: ignore[arg-type]  # what it gives it also takes
    )
    without.set_default_timeout(15_000)
    yield without.new_page()
    without.close()


@pytest.fixture
def refusing(page: Page, context: BrowserContext) -> Page:
    """A page whose forms are refused: the browser's console names the status 422 of such an answer."""
    opened = context.new_page()
    opened.goto(page.url)
    return opened


CARET_ONCE_FOCUSED = """() => {
    window.carets = [];
    const note = (field) => window.carets.push(field.selectionStart);
    addEventListener("focusin", ({target}) => { if (target.matches("textarea")) queueMicrotask(() => note(target)) });
}"""


def new_dataset(page: Page, *, fill: str = "I type or paste them") -> str:
    """Make an empty dataset through the page; ends where its cases get in."""
    name = f"Questions {next(_numbers)}"
    page.goto("/p/demo/new-dataset/")
    page.get_by_label("Name").fill(name)
    page.locator("label", has_text=fill).click()
    page.get_by_role("button", name="Make the dataset").click()
    page.wait_for_url("**/add/" if "type" in fill else "**/import/")
    return name


def type_cases(page: Page, *rows: tuple[str, str]) -> None:
    for at, (question, expected) in enumerate(rows):
        page.get_by_label(f"question, row {at + 1}").fill(question)
        page.get_by_label(f"Expected answer, row {at + 1}").fill(expected)
    page.get_by_role("button", name="Store these cases").click()
    page.wait_for_url("**imported=**")


def paste(page: Page, text: str) -> None:
    """What Ctrl+V does with cells from a spreadsheet, in the field that has the focus."""
    page.evaluate(
        """text => {
            const cells = new DataTransfer();
            cells.setData("text/plain", text);
            document.activeElement.dispatchEvent(
                new ClipboardEvent("paste", {clipboardData: cells, bubbles: true, cancelable: true}))
        }""",
        text,
    )


def test_a_case_is_opened_edited_and_closed_without_leaving_the_list(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"), ("second?", "two"), ("third?", "three"))
    expect(page.locator(".verdict-sentence")).to_contain_text("3 added")
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="second?").click()
    panel = page.locator("#case-sheet")
    expect(panel).to_be_focused()
    expect(panel.get_by_label("question")).to_have_value("second?")
    panel.get_by_label("Expected answer").fill("2")
    panel.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("Saved as revision 2")
    expect(page.locator(".verdict-sentence")).to_have_count(0)
    toast, sheet = page.locator("[data-toast]").bounding_box(), panel.bounding_box()
    assert toast and sheet
    assert toast["x"] + toast["width"] <= sheet["x"], "it does not cover what was pressed"
    expect(page.locator("tr", has_text="second?")).to_contain_text("2")
    expect(page.get_by_role("link", name="second?")).to_have_attribute("aria-current", "true")
    panel.get_by_role("link", name="Close").click()
    expect(panel).to_have_count(0)
    assert page.evaluate("window.stayed")
    assert "case=" not in page.url
    page.go_back()
    expect(page.locator("#case-sheet")).to_be_visible()


def test_the_panel_goes_on_to_the_next_case_and_asks_before_it_throws_away_what_was_typed(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"), ("second?", "two"))
    page.get_by_role("link", name="first?").click()
    panel = page.locator("#case-sheet")
    expect(panel).to_be_focused()
    page.keyboard.press("j")
    expect(panel.get_by_label("question")).to_have_value("second?")
    expect(panel.get_by_role("link", name="Next")).to_have_count(0)
    page.get_by_role("link", name="second?").and_(page.locator("[aria-current]")).wait_for()

    panel.get_by_label("Expected answer").fill("2")
    asked = page.get_by_role("dialog", name="Leave without saving?")
    panel.get_by_role("link", name="Previous").click()
    asked.get_by_role("button", name="Keep editing").click()
    expect(panel.get_by_label("Expected answer")).to_have_value("2")
    panel.get_by_role("link", name="Previous").click()
    page.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    expect(panel.get_by_label("Expected answer")).to_have_value("2")
    panel.get_by_role("link", name="Previous").click()
    asked.get_by_role("button", name="Leave it").click()
    expect(panel.get_by_label("question")).to_have_value("first?")
    panel.get_by_role("link", name="Close").click()
    expect(panel).to_have_count(0)


def test_the_filters_keep_their_line_and_the_list_its_place_when_a_case_is_opened(page: Page) -> None:
    page.goto("/p/demo/datasets/Card%20and%20account%20questions/?tag=critical")
    chips = page.get_by_role("navigation", name="Show")
    row = page.locator("tbody tr").nth(0)
    before, list_before = chips.bounding_box(), row.bounding_box()
    row.locator(".row-link").click()
    expect(page.locator("#case-sheet")).to_be_visible()
    after, list_after = chips.bounding_box(), row.bounding_box()
    assert before and after and list_before and list_after
    assert after["width"] < before["width"], "there is less room"
    assert (after["y"], after["height"], list_after["y"]) == (before["y"], before["height"], list_before["y"])
    expect(chips.locator("[aria-current]")).to_be_in_viewport(ratio=1)
    chips.get_by_role("link", name="transfer").focus()
    expect(chips.get_by_role("link", name="transfer")).to_be_in_viewport(ratio=1)
    chips.get_by_text("5 more").click()
    expect(chips.locator(".menu-sheet").get_by_role("link").last).to_be_in_viewport(ratio=1)


def test_the_line_of_filters_fades_out_where_more_of_it_follows_and_only_there(page: Page) -> None:
    address = "/p/demo/datasets/Card%20and%20account%20questions/"
    opacity = "getComputedStyle(document.querySelector('.chips-line'), '::after').opacity"
    line = page.locator(".chips-line")

    def room_left() -> int:
        return int(line.evaluate("line => line.scrollWidth - line.clientWidth"))

    page.goto(address)
    assert (room_left(), page.evaluate(opacity)) == (0, "0"), "all of it fits, and the fade takes no room"
    page.goto(f"{address}?case=1")
    assert room_left() > 0
    page.wait_for_function(f"{opacity} === '1'")
    line.evaluate("line => { line.scrollLeft = line.scrollWidth }")
    page.wait_for_function(f"{opacity} === '0'")


def test_a_search_shows_its_whole_invitation_beside_filters_and_a_panel(page: Page) -> None:
    for address in ("/p/demo/datasets/Card%20and%20account%20questions/?case=1&tag=card", "/p/demo/runs/1/?result=1"):
        page.goto(address)
        asked = page.locator("[data-search]").last
        text = asked.evaluate(
            """box => {
                const style = getComputedStyle(box), pen = document.createElement("canvas").getContext("2d");
                pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
                return pen.measureText(box.placeholder).width;
            }"""
        )
        room = asked.evaluate(
            "box => box.clientWidth - ['Left', 'Right'].reduce((all, side) =>"
            " all + parseFloat(getComputedStyle(box)[`padding${side}`]), 0)"
        )
        assert text + 16 <= room, "and the cross that empties it"


def test_words_on_one_line_of_a_card_have_one_baseline(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    # An empty box of no height sits on the baseline of what it is put into.
    baselines = """cell => {
        const at = (where, put) => {
            const dot = document.createElement("i");
            dot.style.display = "inline-block";
            where[put](dot);
            const y = dot.getBoundingClientRect().bottom;
            dot.remove();
            return y;
        };
        return [at(cell, "prepend"), at(cell.querySelector(".tag, .pill > span"), "prepend")];
    }"""
    for address, cell in (
        ("/p/demo/datasets/Card%20and%20account%20questions/", "td[data-name=Tags]"),
        ("/p/demo/runs/1/", "td[data-name=Correct]"),
        ("/p/demo/runs/", "td[data-name=State]"),
    ):
        page.goto(address)
        of_cell, of_word = page.locator(cell).first.evaluate(baselines)
        assert abs(of_cell - of_word) < 1, address


def test_a_menu_that_is_the_only_action_stands_beside_the_title_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/p/demo/metrics/Correct/")
    title, more = page.locator("h1").bounding_box(), page.locator(".head-actions .menu").bounding_box()
    lead = page.locator(".head .lead").bounding_box()
    assert title and more and lead
    assert more["y"] < title["y"] + title["height"] <= lead["y"]
    assert more["x"] >= title["x"] + title["width"]
    assert more["y"] + more["height"] <= lead["y"] + 1
    assert lead["width"] > 300


def test_the_pencil_of_a_title_leaves_its_words_free(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("a question that is so long that it fills its cell from the one end to the other " * 3, "one"))
    title = page.locator(".row-link")
    title.hover()
    pencil = page.get_by_role("link", name="Edit question here").bounding_box()
    words = title.bounding_box()
    assert pencil and words
    assert pencil["x"] >= words["x"] + words["width"]


def test_cases_are_typed_as_cards_on_a_phone(page: Page) -> None:
    new_dataset(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Add a row").click()
    fields = page.locator("tbody tr").last.get_by_role("textbox")
    boxes = [field.bounding_box() for field in fields.all()]
    assert len(boxes) == 3
    for box, below in itertools.pairwise(boxes):
        assert box and below
        assert box["x"] == below["x"], "under each other"
        assert box["y"] + box["height"] < below["y"]
        assert box["width"] > 300
    names = page.evaluate(
        """() => [...document.querySelectorAll("tbody tr:last-child td")]
            .map((cell) => getComputedStyle(cell, "::before").content)"""
    )
    assert names == ['"question"', '"Expected answer"', '"Tags"', "none"]
    type_cases(page, ("first?", "one"), ("second?", "two"))
    expect(page.locator(".verdict-sentence")).to_contain_text("2 added")


def test_the_list_and_the_panel_by_keyboard_alone(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"), ("second?", "two"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="second?")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#case-sheet")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#case-sheet")).to_have_count(0)
    expect(page.get_by_role("link", name="second?")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("#case-sheet").get_by_label("question").focus()
    page.keyboard.press("End")
    page.keyboard.type(" Really?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Saved as revision 2")
    expect(page.get_by_role("link", name="second? Really?")).to_be_visible()


def test_a_panel_hears_keys_from_the_moment_it_has_the_focus(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"), ("second?", "two"))
    page.evaluate(
        """() => {
            window.stayed = true;
            addEventListener("focusin", (event) => {
                if (event.target.id !== "case-sheet") return;
                const escape = new KeyboardEvent("keydown", {key: "Escape", bubbles: true});
                setTimeout(() => event.target.dispatchEvent(escape));
                window.pressed = true;
            });
        }"""
    )
    page.get_by_role("link", name="second?").click()
    page.wait_for_function("() => window.pressed")
    expect(page.locator("#case-sheet")).to_have_count(0)
    expect(page.get_by_role("link", name="second?")).to_be_focused()
    assert page.evaluate("window.stayed")


def test_what_was_typed_into_a_case_survives_a_reload(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"), ("second?", "two"))
    page.get_by_role("link", name="first?").click()
    answer = page.locator("#case-sheet").get_by_label("Expected answer")
    answer.fill("half a thought")
    opened = page.context.new_page()
    page.evaluate("dispatchEvent(new Event('pagehide'))")  # what leaving the page does; the text is kept at once
    opened.goto(page.url)
    answer = opened.locator("#case-sheet").get_by_label("Expected answer")
    expect(answer).to_have_value("half a thought")
    opened.locator("#case-sheet").get_by_role("button", name="Save").click()
    expect(opened.locator("#toasts")).to_contain_text("Saved as revision 2")
    opened.get_by_role("link", name="second?").click()
    expect(opened.locator("#case-sheet").get_by_label("question")).to_have_value("second?")
    expect(opened.locator("#case-sheet").get_by_label("Expected answer")).to_have_value("two")


def test_cells_of_a_spreadsheet_are_pasted_with_line_breaks_and_undone(page: Page) -> None:
    new_dataset(page)
    page.get_by_label("question, row 1").focus()
    cells = "\n".join(f'"q {at}\nsecond line"\ta {at}' for at in range(8))
    paste(page, f"question\tExpected answer\n{cells}")
    expect(page.get_by_label("question, row 1")).to_have_value("q 0\nsecond line")
    expect(page.get_by_label("Expected answer, row 8")).to_have_value("a 7")
    page.get_by_role("button", name="Undo the paste").click()
    expect(page.get_by_label("question, row 1")).to_have_value("")
    page.get_by_label("question, row 1").focus()
    paste(page, cells)
    page.get_by_role("button", name="Store these cases").click()
    expect(page.locator(".verdict-sentence")).to_contain_text("8 added")


def test_a_spreadsheet_with_a_wrong_row_then_corrected(refusing: Page, tmp_path: Path) -> None:
    page = refusing
    new_dataset(page, fill="Excel, CSV")
    file = tmp_path / "Fragen.csv"
    file.write_text("Frage?;Antwort;Nr\nWie?;So.;1\n;ohne;2\n", encoding="latin-1")
    page.get_by_label("Spreadsheet", exact=True).set_input_files(file)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("combobox", name="Antwort").select_option("Expected answer")
    page.get_by_role("combobox", name="Nr").select_option("Key of the case")
    page.get_by_label("Name of the variable in Frage?").fill("question")
    expect(page.get_by_label("Name of the variable in Nr")).not_to_be_visible()
    page.get_by_role("button", name="Store these cases").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was stored")
    expect(page.locator("tbody tr").first).to_contain_text(re.compile(r"3.*no input"))
    expect(page.locator("[aria-current=step]")).to_contain_text("Choose a file")
    page.get_by_role("link", name="Choose the corrected file").click()
    file.write_text("question;expected;key\nWie?;So.;1\nWarum?;Darum.;2\n", encoding="latin-1")
    page.get_by_label("Spreadsheet", exact=True).set_input_files(file)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Store these cases").click()
    expect(page.locator(".verdict-sentence")).to_contain_text("2 added")


def test_a_case_is_taken_out_and_put_back(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"), ("second?", "two"))
    page.get_by_role("link", name="first?").click()
    page.get_by_role("button", name="Take this case out").click()
    expect(page.get_by_role("link", name="first?")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="first?")).to_be_visible()
    expect(page.locator("#case-sheet")).to_be_visible()


def test_two_people_on_one_case(refusing: Page, context: BrowserContext) -> None:
    page = refusing
    new_dataset(page)
    type_cases(page, ("first?", "one"))
    page.get_by_role("link", name="first?").click()
    mine = page.locator("#case-sheet")
    expect(mine).to_be_visible()
    theirs = context.new_page()
    theirs.goto(page.url)
    theirs.locator("#case-sheet").get_by_label("Expected answer").fill("theirs")
    theirs.locator("#case-sheet").get_by_role("button", name="Save").click()
    expect(theirs.locator("#toasts")).to_contain_text("Saved")
    mine.get_by_label("Expected answer").fill("mine")
    mine.get_by_role("button", name="Save").click()
    expect(mine.locator(".notice")).to_contain_text("theirs")
    expect(mine.get_by_label("Expected answer")).to_have_value("mine")
    mine.get_by_role("button", name="Save").click()
    expect(page.locator("tbody tr")).to_contain_text("mine")


def test_everything_of_a_dataset_without_javascript(plain: Page, tmp_path: Path) -> None:
    name = new_dataset(plain)
    type_cases(plain, ("first?", "one"), ("second?", "two"))
    plain.get_by_role("link", name="first?").click()
    panel = plain.locator("#case-sheet")
    panel.get_by_label("Expected answer").fill("1")
    panel.get_by_role("button", name="Save").click()
    expect(plain.locator("#toasts")).to_contain_text("Saved as revision 2")
    panel.get_by_role("button", name="Take this case out").click()
    plain.get_by_role("button", name="Undo").click()
    expect(plain.get_by_role("link", name="first?")).to_be_visible()
    plain.get_by_label("Search cases").fill("second")
    plain.get_by_label("Search cases").press("Enter")
    expect(plain.get_by_role("link", name="first?")).to_have_count(0)
    plain.goto(f"/p/demo/datasets/{name}/import/")
    file = tmp_path / "more.csv"
    file.write_text("question,expected\nthird?,three\n")
    plain.get_by_label("Spreadsheet", exact=True).set_input_files(file)
    plain.get_by_role("button", name="Go on").click()
    plain.get_by_role("button", name="See what changes").click()
    expect(plain.locator(".verdict-sentence")).to_contain_text("adds 1 case")
    plain.get_by_role("button", name="Store as revision").click()
    expect(plain.locator(".verdict-sentence")).to_contain_text("1 added")
    plain.locator("summary", has_text="More").click()
    plain.get_by_role("button", name="Archive").click()
    plain.get_by_role("button", name="Bring it back").click()
    expect(plain.locator("#toasts")).to_contain_text("is back in the list")


def test_a_metric_asks_to_be_saved_once_it_was_changed(page: Page) -> None:
    page.goto("/p/demo/metrics/Correct/")
    save = page.get_by_role("button", name="Save as version")
    color = "button => getComputedStyle(button).backgroundColor"
    quiet = save.evaluate(color)
    page.locator(".metric-try textarea").first.fill("Nothing of this is stored.")
    assert save.evaluate(color) == quiet
    page.locator(".metric-form .setting textarea, .metric-form .setting input").first.fill("Is it right?")
    expect(save).not_to_have_css("background-color", quiet)


def test_a_metric_is_tried_and_made(page: Page) -> None:
    page.goto("/p/demo/new-metric/")
    page.get_by_role("link", name="Contains certain words").click()
    name = f"Says so {next(_numbers)}"
    page.get_by_label("Name").fill(name)
    page.get_by_label("An answer").fill("Yes, it costs 1.5 %.")
    page.get_by_role("textbox", name="The expected answer").fill("1.5 %")
    page.get_by_role("button", name="Score this answer").click()
    expect(page.locator("#metric-mark .pill")).to_have_text("yes")
    page.get_by_label("Words to look for").fill("2 %")
    page.get_by_role("button", name="Score this answer").click()
    expect(page.locator("#metric-mark .pill")).to_have_text("no")
    page.get_by_role("button", name="Make the metric").click()
    page.wait_for_url("**/metrics/")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_label("Words to look for")).to_have_value("2 %")


def test_categories_are_asked_for_only_when_they_are_used(page: Page) -> None:
    page.goto("/p/demo/new-metric/?kind=rubric")
    expect(page.get_by_label("Categories", exact=False).first).not_to_be_visible()
    page.get_by_label("The judge answers with").select_option("One of my categories")
    expect(page.get_by_label("Categories", exact=False).first).to_be_visible()


def test_a_form_of_json_is_made_without_json(page: Page) -> None:
    page.goto("/p/demo/new-metric/?kind=json_schema")
    page.get_by_label("Name", exact=True).fill(f"Form {next(_numbers)}")
    page.get_by_label("Name of field 1").fill("label")
    page.get_by_label("Texts that field 1 may be").fill("refund, card")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Name of field 4").fill("score")
    page.get_by_label("What field 4 holds").select_option("a number")
    page.get_by_label("An answer").fill('{"label": "refund", "score": "high"}')
    page.get_by_role("button", name="Score this answer").click()
    expect(page.locator("#metric-mark")).to_contain_text("score")
    expect(page.locator("#metric-mark .pill")).to_have_text("no")
    page.get_by_label("An answer").fill('{"label": "refund", "score": 3}')
    page.get_by_role("button", name="Score this answer").click()
    expect(page.locator("#metric-mark .pill")).to_have_text("yes")


def test_cells_are_edited_where_they_stand_by_keyboard_and_undone(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"), ("second?", "two"))
    page.get_by_role("link", name="first?").focus()
    page.evaluate(CARET_ONCE_FOCUSED)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    cell = page.get_by_role("textbox", name="Expected answer")
    expect(cell).to_be_focused()
    assert page.evaluate("window.carets") == [len("one")]  # what is typed at once stands behind the text
    page.keyboard.type("!")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("really")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Saved as revision 2")
    expect(page.locator("tr", has_text="first?")).to_contain_text("one!\nreally", use_inner_text=False)
    expect(page.get_by_role("link", name="Expected answer: one!")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(cell).to_be_focused()
    page.keyboard.type(" thrown away")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Expected answer: two")).to_be_focused()
    expect(page.locator("table")).not_to_contain_text("thrown away")
    page.get_by_role("link", name="first?").focus()
    page.keyboard.press("F2")
    expect(page.get_by_role("textbox", name="question")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("1st?")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Expected answer")).to_be_focused()
    expect(page.get_by_role("link", name="1st?")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#toasts").get_by_role("button", name="Undo").last.click()
    expect(page.get_by_role("link", name="first?")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Took revision 3 back")


def test_rows_are_ticked_tagged_and_taken_out(page: Page) -> None:
    new_dataset(page)
    type_cases(page, *[(f"question {at}?", f"{at}") for at in range(5)])
    ticks = page.locator("[data-tick]")
    ticks.nth(1).check()
    ticks.nth(3).click(modifiers=["Shift"])
    expect(page.locator("[data-tick-count]")).to_have_text("3 ticked")
    page.get_by_label("Tag", exact=True).fill("urgent")
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator("#toasts")).to_contain_text("Added the tag “urgent”: 3 changed.")
    page.get_by_role("link", name="urgent 3").click()
    page.get_by_label("Tick all cases on this page").check()
    page.get_by_role("button", name="Take cases out").click()
    expect(page.locator("#toasts")).to_contain_text("3 taken out.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_an_older_revision_comes_back(page: Page) -> None:
    new_dataset(page)
    type_cases(page, ("first?", "one"))
    page.get_by_role("link", name="Expected answer: one").click()
    page.get_by_role("textbox", name="Expected answer").fill("two")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Saved as revision 2")
    page.locator("summary", has_text="More").click()
    page.get_by_role("link", name="What was changed").click()
    page.get_by_role("link", name="1 changed").click()
    expect(page.locator(".change del")).to_contain_text("one")
    expect(page.locator(".change ins")).to_contain_text("two")
    page.get_by_role("link", name="What was changed").click()
    page.get_by_role("link", name="Go back to revision 1").click()
    page.get_by_role("button", name="Go back to revision 1").click()
    expect(page.locator("#toasts")).to_contain_text("Went back to revision 1: 1 changed.")
    expect(page.get_by_role("link", name="Expected answer: one")).to_be_visible()
