"""The gallery shows every component, so that a change to one can be looked at before its pages are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.test.signals import template_rendered

from llmops.core.views.gallery import gallery

COMPONENTS = Path(settings.BASE_DIR) / "templates" / "components"


def test_every_component_is_shown_in_the_gallery(rf: RequestFactory) -> None:
    shown: set[str] = set()

    def note(template: Any, **_: Any) -> None:
        shown.add(template.name)

    request = rf.get("/gallery/")
    request.user = AnonymousUser()
    template_rendered.connect(note)
    try:
        assert gallery(request).status_code == 200
    finally:
        template_rendered.disconnect(note)
    files = {f"components/{path.name}" for path in COMPONENTS.glob("*.html")}
    assert files - shown == set(), "show it in templates/core/gallery.html"
