"""Slots that upper apps fill on lower pages, so that imports point down only.

Apps register from `AppConfig.ready()`: entries of the navigation, and cards on the project's home page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from llmops.core.models import Project


@dataclass(frozen=True, slots=True)
class NavEntry:
    """An entry of the product navigation; `url_name` takes the project's slug as `project`."""

    key: str
    label: str
    icon: str
    url_name: str
    position: int


@dataclass(frozen=True, slots=True)
class NavItem:
    """A navigation entry as the template needs it."""

    key: str
    label: str
    icon: str
    url: str
    badge: str = ""


_entries: dict[str, NavEntry] = {}
_home_panels: dict[str, Callable[[HttpRequest], dict[str, Any]]] = {}


def register_nav(*entries: NavEntry) -> None:
    """Add entries to the navigation; registering a key again replaces it."""
    _entries.update((entry.key, entry) for entry in entries)


def register_home_panel(template: str, context: Callable[[Any], dict[str, Any]]) -> None:
    """Add a panel to the home page: a template, and what it needs for a project request."""
    _home_panels[template] = context


def home_panels(request: Any) -> list[tuple[str, dict[str, Any]]]:
    """Templates and contexts of the home page's panels, in the order of registration."""
    return [(template, context(request)) for template, context in _home_panels.items()]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the navigation of the project that the page is in."""
    project = getattr(request, "project", None)
    if project is None:
        return {}
    items = [
        NavItem(entry.key, entry.label, entry.icon, reverse(entry.url_name, kwargs={"project": project.slug}))
        for entry in sorted(_entries.values(), key=lambda entry: entry.position)
    ]
    return {"nav_items": items, "project": project, "actor": getattr(request, "actor", None)}
