"""What the browser gets is ours or vendored unmodified, and keeps to the content policy."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from llmops.core.templatetags.icons import ICON_FOLDER

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
VENDOR = STATIC / "vendor"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
VENDORED = sorted(VENDOR.glob("*/VENDOR.json"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_vendored_folder_says_what_it_is() -> None:
    folders = {path for path in VENDOR.iterdir() if path.is_dir()}
    assert folders == {listing.parent for listing in VENDORED}
    assert folders, "nothing vendored was found: the test looks at the wrong place"


@pytest.mark.parametrize("listing", VENDORED, ids=lambda path: path.parent.name)
def test_vendored_files_are_the_listed_ones(listing: Path) -> None:
    told = json.loads(listing.read_text(encoding="utf-8"))
    folder = listing.parent
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path != listing
    }
    assert found == told["files"]
    assert folder.name.endswith(f"-{told['version']}")
    assert told["licence"] and "LICENSE" in found
    assert "://" not in listing.read_text(encoding="utf-8"), "a listing names packages, not registries"


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_templates_keep_to_the_content_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "scripts are files"
    assert not re.search(r"<style\b|\sstyle=", text), "styles are files; computed sizes are SVG attributes"
    assert not re.search(r"\son[a-z]+=|hx-on|javascript:", text), "handlers are added by scripts"
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text.replace('href="https://', 'data-link="')), (
        "nothing is loaded from another host"
    )
    assert not re.search(r"<(?:script|link|img)[^>]*https?://", text), "nothing is loaded from another host"


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_icons_that_templates_name_exist(path: Path) -> None:
    for name in re.findall(r"""{%\s*icon\s+["']([^"']+)["']""", path.read_text(encoding="utf-8")):
        assert (STATIC / ICON_FOLDER / f"{name}.svg").is_file(), f"static/vendor/README.md says how to add {name}"


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_static_files_that_templates_name_exist(path: Path) -> None:
    for name in re.findall(r"""{%\s*static\s+["']([^"']+)["']""", path.read_text(encoding="utf-8")):
        if not name.startswith("django_htmx/"):
            assert (STATIC / name).is_file(), name


@pytest.mark.parametrize("path", STYLES, ids=_name)
def test_styles_load_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "@import" not in text
    for address in re.findall(r"""url\(["']?([^"')]+)""", text):
        assert (path.parent / address).resolve().is_file(), address


@pytest.mark.parametrize("path", SCRIPTS, ids=_name)
def test_scripts_never_make_markup_of_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://"
    assert not re.search(forbidden, text), "answers of models are hostile: only textContent"


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _tokens() -> dict[str, tuple[str, str]]:
    text = (STATIC / "css" / "tokens.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", text)
    return {name: (light, dark) for name, light, dark in pairs}


SURFACES = ("ground", "surface", "surface-sunk", "surface-raised")
READ_ON = [
    *[(tone, surface) for tone in ("better", "worse", "unsure", "none") for surface in (*SURFACES, f"{tone}-wash")],
    *[(text, surface) for text in ("ink", "ink-soft", "accent") for surface in (*SURFACES, "accent-wash")],
    *[("ink", f"{tone}-wash") for tone in ("better", "worse", "unsure", "none")],
]


@pytest.mark.parametrize(("text", "surface"), READ_ON)
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_colours_can_be_read(text: str, surface: str, scheme: int) -> None:
    tokens = _tokens()
    assert _contrast(tokens[text][scheme], tokens[surface][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_fields_and_focus_stand_out(scheme: int) -> None:
    tokens = _tokens()
    for mark in ("control-line", "focus"):
        for surface in SURFACES:
            assert _contrast(tokens[mark][scheme], tokens[surface][scheme]) >= 3
    for fill in ("accent-fill", "accent-fill-hover"):
        assert _contrast(tokens[fill][scheme], "#ffffff") >= 4.5


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_a_cell_is_named_on_a_phone_as_its_column_is_on_a_wide_screen(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    heads = {re.sub(r"<[^>]+>", "", head).strip() for head in re.findall(r"<th\b[^>]*>(.*?)</th>", text, re.DOTALL)}
    names = {name for name in re.findall(r'\bdata-name="([^"]+)"', text) if "{{" not in name or name in heads}
    assert not heads or names <= heads
