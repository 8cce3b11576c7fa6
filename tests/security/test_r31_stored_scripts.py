"""R31 and R32: whatever people, files, models and model servers say, pages show it as text and load nothing for it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings

from tests.jobs.conftest import FULL
from tests.security.access_table import OPEN_PAGES, PAGES
from tests.security.addresses import addresses
from tests.security.corpus import FAMILIES, TEXTS
from tests.security.hostile import ALL, Hostile, hostile_project
from tests.security.watching import Watched, browse, served

pytestmark = pytest.mark.slow

ROOT = Path(settings.BASE_DIR)
VIEWS = [path for name in ("llmops", "prompts_app", "evals_app") for path in (ROOT / name).rglob("views/*.py")]
LEAK = f"<!doctype html><title>x</title><p>{TEXTS[1]}<img x31 src=x onerror=alert(31)>"


@pytest.fixture
def hostile(transactional_db: None, loopback: None) -> Hostile:
    return hostile_project()


def parameters() -> list[str]:
    """Every parameter that a page takes from its address."""
    text = "\n".join(path.read_text() for path in VIEWS)
    found = re.findall(r"request\.GET(?:\.get\(|\[)\"(\w+)\"|\(request, \"(\w+)\"|\"(\w+)\" in request\.GET", text)
    return sorted({name for names in found for name in names if name})


def shows_something(name: str) -> bool:
    """Whether a browser can open it: it is not only where a form is sent."""
    if name in OPEN_PAGES:
        return OPEN_PAGES[name][1] != 405
    return PAGES[name].get is not None


def test_the_corpus_has_what_it_must() -> None:
    assert len(TEXTS) >= 300
    assert all(len(family) >= 8 for family in FAMILIES.values())


def test_r31_r32_stored_texts_are_shown_as_texts_on_every_page(hostile: Hostile) -> None:
    """The full form pages through all lists, sends every form with hostile texts, and takes the parameters of an
    address from them."""
    assert {"q", "tag", "show", "after", "at"} <= set(parameters())
    session = hostile.client.cookies[settings.SESSION_COOKIE_NAME].value
    odd = urlencode({name: TEXTS[at % len(TEXTS)] for at, name in enumerate(parameters())})
    pages = [address.path for address in addresses(hostile.filled) if shows_something(address.name)]
    pages += [*hostile.more_paths, f"{hostile.home}prompts/<img x31>/", "/<script x31>"]

    def look(watched: Watched) -> list[str]:
        for path in dict.fromkeys(pages):
            watched.visit(path)
            if FULL:
                watched.more_of_it()
            if "?" not in path and (FULL or path.count("/") < 5):
                watched.visit(f"{path}?{odd}")
        found = list(watched.findings)
        if FULL:
            for path in pages:
                watched.fill_in(path, ALL[:2000])
            found = list(watched.findings)
        watched.pretend("/leak", LEAK)
        watched.visit("/leak")
        return found

    with served() as origin:
        watched, found = browse(origin, session, look)
    assert found == []
    leak = " ".join(what for what in watched.findings if what.startswith("/leak"))
    for sign in ("element: ", "dialog: 31", "request: https://evil.example", "leaves something open"):
        assert sign in leak
    files = {path.partition("?")[0] for path in watched.downloads}
    assert len(files) == 2, f"a dataset and the audit trail: {files}"
    statuses = list(watched.visited.values())
    assert statuses.count(200) > 50, watched.visited
