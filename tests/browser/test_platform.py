"""The whole platform in a real browser: the main job, every page, and the same story over REST.

One module, so that one platform is started for all of it.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SKIP_NAVIGATION = "() => { if (document.activeElement === document.body) document.getElementById('main').focus() }"
CASES = "Question,Right answer\n" + "".join(
    f'"Say the number {n}, please",{n if n % 4 else "something else"}\n' for n in range(1, 21)
)


def test_someone_edits_a_prompt_imports_a_spreadsheet_runs_and_reads_the_result(page: Page, tmp_path: Path) -> None:
    _write_prompt(page, "repeat")
    _try_it(page)
    _edit_prompt(page, "repeat")
    _import_cases(page, tmp_path, "Numbers")
    page.goto("/p/demo/prompts/repeat/")
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Dataset").select_option(label="Numbers")
    page.get_by_label("Correct", exact=True).check()
    expect(page.locator("#run-quote")).to_contain_text("20 calls")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    expect(page.locator("#run-progress")).to_contain_text("75 % correct (53-89, n = 20)", timeout=30_000)
    page.get_by_role("link", name=re.compile("^Correct: no")).click()
    expect(page.locator("#run-results tbody tr")).to_have_count(5)
    page.get_by_role("link", name="Say the number 4, please").click()
    panel = page.locator("#result-panel")
    expect(panel).to_contain_text("The answer does not contain")
    panel.get_by_text("What was sent").click()
    expect(panel.locator(".sent-message").last).to_contain_text("Say the number 4, please")


def test_the_demo_run_says_what_it_found_and_its_second_version_is_better(page: Page) -> None:
    page.goto("/p/demo/runs/1/")
    expect(page.locator("#run-progress")).to_contain_text("63 % correct (47-76, n = 40)")
    page.goto("/p/demo/runs/1/")
    page.get_by_role("link", name="Run again").click()
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    expect(page.locator("#run-progress")).to_contain_text("85 % correct (71-93, n = 40)", timeout=30_000)


def test_a_run_can_be_stopped_and_resumed(page: Page, tmp_path: Path) -> None:
    _write_prompt(page, "slow", model="slow:700")
    _import_cases(page, tmp_path, "Few")
    page.goto("/p/demo/runs/new/?prompt=slow&dataset=Few")
    page.get_by_text("More choices").click()
    page.get_by_label("Calls at a time").fill("1")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("#run-progress")).to_contain_text(re.compile(r"[1-9]\d? of 20 answered"), timeout=30_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#run-progress")).to_contain_text("Stopped after", timeout=30_000)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#run-progress")).to_contain_text("of 20 answered", timeout=30_000)


TOP = "(element) => element.getBoundingClientRect().top"


def test_an_answer_far_down_is_opened_and_closed_where_one_is(page: Page) -> None:
    page.goto("/p/demo/runs/1/")
    row = page.locator(".row-link").nth(29)
    row.focus()
    stood = row.evaluate(TOP)
    page.keyboard.press("Enter")
    expect(page.locator("#result-panel")).to_be_visible()
    assert abs(row.evaluate(TOP) - stood) < 2, "the list got narrower, and the row stayed where it was"
    page.keyboard.press("Escape")
    expect(page.locator("#result-panel")).to_have_count(0)
    expect(row).to_be_focused()
    expect(row).to_be_in_viewport()


@pytest.mark.parametrize("width", [390, 1280])
def test_results_are_read_one_after_the_other_by_keyboard(page: Page, width: int) -> None:
    """Open a run and a result, go on to the next, read all of it, close it: on a phone the panel lies over the list."""
    press, panel = page.keyboard.press, page.locator("#result-panel")
    page.set_viewport_size({"width": width, "height": 844})
    page.goto("/p/demo/runs/")
    _tab_to(page, page.locator(".row-link").last)
    press("Enter")
    page.wait_for_url("**/runs/1/")
    rows = page.locator(".row-link")
    first, second, third = (rows.nth(at).inner_text() for at in range(3))
    _tab_to(page, rows.first)
    press("Enter")
    expect(panel).to_contain_text(first)
    if width == 390:
        expect(panel).to_be_focused()
    _tab_to(page, panel.get_by_role("link", name="Next"))
    press("Enter")
    expect(panel.get_by_role("heading")).to_contain_text(second)
    expect(panel.get_by_role("link", name="Next")).to_be_focused()
    press("j")
    expect(panel.get_by_role("heading")).to_contain_text(third)
    expect(panel.get_by_role("link", name="Next")).to_be_focused()
    press("k")
    expect(panel.get_by_role("heading")).to_contain_text(second)
    _tab_to(page, panel.get_by_text("What was sent"))
    press("Enter")
    _tab_to(page, panel.get_by_text("Every attempt"))
    press("Enter")
    expect(panel).to_contain_text("Answer, attempt 1")
    panel.evaluate("(element) => { element.scrollTop = 0 }")
    press("ArrowDown")
    if width == 390:
        page.wait_for_function("() => document.getElementById('result-panel').scrollTop > 0")
        for _ in range(20):  # nothing that lies under the panel is ever reached
            press("Tab")
            assert page.evaluate("() => document.activeElement.closest('.stage-main, .topbar, .head') === null")
        _tab_to(page, panel.get_by_role("link", name="Close"))
    press("Escape")
    expect(panel).to_have_count(0)
    expect(rows.nth(1)).to_be_focused()
    press("ArrowDown")
    press("Enter")
    expect(panel.get_by_role("heading")).to_contain_text(third)
    if width == 390:
        page.mouse.click(195, 20)  # beside the panel
        expect(panel).to_have_count(0)


def test_everything_is_found_from_the_keyboard(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("#finder .hit").first).to_be_visible()  # something is offered before anything is typed
    page.keyboard.type("card")
    expect(page.locator("#finder .hit").first).to_contain_text("Card and account questions")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/datasets/**")


def test_the_same_story_over_rest(site: Site) -> None:
    key = site.llmops("apikey", "create", "--project", "demo", "--scopes", "all").splitlines()[-1]

    def call(method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{site.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    made = call(
        "POST",
        "prompts/",
        {
            "name": "rest-repeat",
            "text": "Say {{word}}",
            "model": {"connection": "practice", "model": "echo"},
        },
    )
    assert (made["version"], made["variables"]) == (1, ["word"])
    call("POST", "datasets/", {"name": "rest-words"})
    rows = [{"inputs": {"word": f"w{n}"}, "expected": f"Say w{n}"} for n in range(10)]
    assert call("POST", "datasets/rest-words/cases/", {"cases": rows}) == {
        "revision": 1,
        "added": 10,
        "updated": 0,
        "unchanged": 0,
    }
    call("POST", "evaluators/", {"name": "rest-exact", "kind": "exact"})
    run = call("POST", "runs/", {"prompt": "rest-repeat", "dataset": "rest-words", "evaluators": ["rest-exact"]})
    assert run["quote"]["calls"] == 10
    shown = _finished(lambda: call("GET", f"runs/{run['id']}/"))
    assert shown["counts"] == {"total": 10, "pending": 0, "running": 0, "done": 10, "error": 0}
    score = shown["scores"]["rest-exact"]
    assert (score["estimate"], score["n"]) == (1.0, 10)
    assert score["low"] == pytest.approx(0.7225, abs=0.0001)
    assert score["high"] == 1.0
    results = call("GET", f"runs/{run['id']}/results/")["results"]
    assert [result["output"] for result in results] == [f"Say w{n}" for n in range(10)]


def _write_prompt(page: Page, name: str, *, model: str = "echo") -> None:
    page.goto("/p/demo/new-prompt/")
    page.locator("input[name=name]").fill(name)
    page.locator("textarea[name=user]").fill("Please {{Question}}")
    page.locator("select[name=connection]").select_option(label="practice")
    page.locator("input[name=model]").fill(model)
    page.get_by_role("button", name="Make the prompt").click()
    page.wait_for_url(f"**/prompts/{name}/**")


def _edit_prompt(page: Page, name: str) -> None:
    page.goto(f"/p/demo/prompts/{name}/")
    page.get_by_label("Text of message").last.fill("{{Question}}")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.locator("main")).to_contain_text("Version 2, the newest")


def _try_it(page: Page) -> None:
    page.locator("#try textarea, #try input[type=text]").first.fill("Hello there")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#try-answer")).to_contain_text("Hello there")


def _import_cases(page: Page, folder: Path, name: str) -> None:
    file = folder / "cases.csv"
    file.write_text(CASES, encoding="utf-8")
    page.goto("/p/demo/new-dataset/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the dataset").click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("select[name=meaning_1]")).to_have_value(re.compile("expected"))
    page.get_by_role("button", name="Store these cases").click()
    expect(page.locator("main")).to_contain_text("20")


def _finished(look: Any) -> Any:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        shown = look()
        if shown["state"] == "finished":
            return shown
    raise AssertionError(f"The run does not end: {shown}")


def test_the_main_job_is_done_without_a_mouse(page: Page) -> None:
    """Prompt, try it, cases, run, result, invitation: every control is reached by Tab, and every page by a letter."""
    press = page.keyboard.press
    _go(page, "p", "**/prompts/")
    _reach(page, "link", "New prompt")
    press("Enter")
    _reach(page, "textbox", "Name")
    page.keyboard.type("by-keys")
    _reach(page, "combobox", "Connection")  # another test may have made one that answers otherwise
    page.keyboard.type("practice")
    _reach(page, "textbox", "Instructions to the model")
    page.keyboard.type("Repeat it.")
    press("Control+Enter")
    page.wait_for_url("**/prompts/by-keys/")
    _reach(page, "textbox", "question")
    page.keyboard.type("Hi")
    press("Control+Enter")
    expect(page.locator("#try-answer")).to_have_text("Hi")
    _go(page, "d", "**/datasets/")
    _reach(page, "link", "New dataset")
    press("Enter")
    _reach(page, "textbox", "Name")
    page.keyboard.type("By keys")
    press("Enter")
    page.wait_for_url("**/import/")
    _reach(page, "", "Or paste cells")
    press("Enter")
    _reach(page, "textbox", "Cells copied from a spreadsheet")
    page.keyboard.insert_text("question\texpected\nHi\tHi\nHo\tno")
    _reach(page, "button", "Go on")
    press("Enter")
    _reach(page, "button", re.compile("^Go on|^Import|^Store"))
    press("Enter")
    page.wait_for_url("**/datasets/By%20keys/**")
    _reach(page, "link", "Start a run")
    press("Enter")
    _reach(page, "combobox", "Prompt")
    page.keyboard.type("by-keys")
    _reach(page, "checkbox", "Correct")
    if not page.get_by_label("Correct", exact=True).is_checked():
        press("Space")
    _reach(page, "button", "Start the run")
    press("Enter")
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    expect(page.locator("#run-progress")).to_contain_text(re.compile("50 % correct.*took", re.S), timeout=30_000)
    page.wait_for_load_state()  # it was loaded anew when the run ended
    press("j")
    press("ArrowDown")
    expect(page.get_by_role("link", name="Ho", exact=True)).to_be_focused()
    press("Enter")
    expect(page.locator("#result-panel")).to_contain_text("The answer does not contain")
    page.wait_for_load_state()
    press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    shown = page.locator("#shortcuts dl > div:visible").all_inner_texts()
    assert any("Close the side panel" in row for row in shown)
    assert not any("Tick the row" in row for row in shown)
    press("Escape")
    press("Escape")
    expect(page.locator("#result-panel")).to_have_count(0)
    _go(page, "s", "**/settings/")
    _reach(page, "link", "Members")
    press("Enter")
    _reach(page, "link", "Invite someone")
    press("Enter")
    _reach(page, "textbox", "E-mail")
    page.keyboard.type("by-keys@example.com")
    press("Enter")
    expect(page.locator("main")).to_contain_text("by-keys@example.com")


def _tab_to(page: Page, control: Locator) -> None:
    """Press Tab, and nothing else, until the control has the focus."""
    page.wait_for_load_state()
    for _ in range(120):
        if control.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    expect(control).to_be_focused()


def _go(page: Page, letter: str, url: str) -> None:
    page.wait_for_load_state()
    page.locator("body").evaluate("() => document.activeElement.blur()")
    page.keyboard.press("g")
    page.keyboard.press(letter)
    page.wait_for_url(url)


def _reach(page: Page, role: Any, name: str | re.Pattern[str]) -> None:
    """Press Tab until the control has the focus, and look that the focus can be seen."""
    main = page.locator("main")
    control = main.get_by_role(role, name=name, exact=True).first if role else main.get_by_text(str(name), exact=True)
    control.wait_for()
    page.evaluate(SKIP_NAVIGATION)
    for _ in range(60):
        page.keyboard.press("Tab")
        if control.evaluate("(element) => element === document.activeElement"):
            break
    expect(control).to_be_focused()
    shown = "(element) => { const style = getComputedStyle(element); return style.outlineStyle + style.outlineWidth }"
    assert control.evaluate(shown) != "none0px"
