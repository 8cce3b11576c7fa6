"""Places that upper apps fill on lower pages, so that imports point down only.

Apps register from `AppConfig.ready()`: entries of the navigation, cards, first steps and the next step on the
project's home page, and what can be done with a prompt's version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse

if TYPE_CHECKING:
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


class PanelLink(NamedTuple):
    """A button that an upper app puts on a lower page."""

    label: str
    url: str
    icon: str = "player-play"


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One of the steps that a new project takes; `url_name` takes the project's slug as `project`.

    `title` and `text` say what to do and what it brings, `action` is the button, and `done` asks
    one cheap question.
    """

    key: str
    title: str
    text: str
    action: str
    url_name: str
    position: int
    done: Callable[[Project], bool]
    needs: Any = None  # the Action of core/access.py that the step takes; None: everybody may


@dataclass(frozen=True, slots=True)
class StepShown:
    """A first step as the home page shows it; `state` is done, current or todo, `allowed` for this member."""

    title: str
    text: str
    action: str
    url: str
    state: str
    allowed: bool


class NextStep(NamedTuple):
    """What a project that has everything would best do now: `title` says what is so, `text` what doing it brings, and
    `action` is the button; `needs` is the Action of core/access.py that it takes."""

    title: str
    text: str
    action: str
    url: str
    needs: Any


class Hit(NamedTuple):
    """Something that was searched for and found; `note` says what kind of thing or where it stands."""

    label: str
    url: str
    note: str = ""


class HitGroup(NamedTuple):
    """What was found of one kind."""

    label: str
    icon: str
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class SearchKind:
    """A kind of thing that the search over everything finds; `find(project, text, limit)` is quick and in order."""

    label: str
    icon: str
    position: int
    find: Callable[[Project, str, int], list[Hit]]


@dataclass(frozen=True, slots=True)
class ListPlace:
    """A list that can be narrowed down: `filters` are the parameters of its address that a saved view keeps.

    `nav` is the key of the entry of the navigation that it belongs to. `address(project, subject)` is where the
    list stands, or None when there is no such thing; `needs` is the Action of core/access.py that opens it (None:
    everybody may).
    """

    key: str
    nav: str
    all_words: str
    filters: tuple[str, ...]
    address: Callable[[Project, str], str | None]
    needs: Any = None


class ProjectItem(NamedTuple):
    """A project in the switcher."""

    name: str
    slug: str
    url: str


_entries: dict[str, NavEntry] = {}
_home_panels: dict[str, Callable[[HttpRequest], dict[str, Any]]] = {}
_first_steps: dict[str, FirstStep] = {}
_next_steps: dict[str, Callable[[Project], NextStep | None]] = {}
_search_kinds: dict[str, SearchKind] = {}
_list_places: dict[str, ListPlace] = {}
_prompt_actions: dict[str, Callable[[Any, Any], tuple[str, ...] | None]] = {}


def register_nav(*entries: NavEntry) -> None:
    """Add entries to the navigation; registering a key again replaces it."""
    _entries.update((entry.key, entry) for entry in entries)


def register_home_panel(template: str, context: Callable[[Any], dict[str, Any]]) -> None:
    """Add a panel to the home page: a template, and what it needs for a project request."""
    _home_panels[template] = context


def home_panels(request: Any) -> list[tuple[str, dict[str, Any]]]:
    """Templates and contexts of the home page's panels, in the order of registration."""
    return [(template, context(request)) for template, context in _home_panels.items()]


def register_first_step(*steps: FirstStep) -> None:
    """Add steps to the list on the home page of a new project; registering a key again replaces it."""
    _first_steps.update((step.key, step) for step in steps)


def first_steps(project: Project, *, may: Callable[[Any], bool]) -> list[StepShown]:
    """All first steps in their order: those that are done, the first that is not as `current`, the rest.

    Who has taken the last one needs none before it.
    """
    shown: list[StepShown] = []
    current_found = False
    steps = sorted(_first_steps.values(), key=lambda step: step.position)
    over = bool(steps) and steps[-1].done(project)
    for step in steps:
        done = over or step.done(project)
        state = "done" if done else "todo" if current_found else "current"
        current_found = current_found or not done
        url = reverse(step.url_name, kwargs={"project": project.slug})
        allowed = step.needs is None or may(step.needs)
        shown.append(StepShown(step.title, step.text, step.action, url, state, allowed))
    return shown


def register_next_step(find: Callable[[Project], NextStep | None], *, key: str) -> None:
    """Let the home page ask this for what to do next; registering a key again replaces it."""
    _next_steps[key] = find


def next_step(project: Project, *, may: Callable[[Any], bool]) -> NextStep | None:
    """The first step that any app has to propose to somebody who may take it, in the order of registration."""
    steps = (find(project) for find in _next_steps.values())
    return next((step for step in steps if step is not None and may(step.needs)), None)


def register_search(*kinds: SearchKind) -> None:
    """Let the search over everything find these too; registering a label again replaces it."""
    _search_kinds.update((kind.label, kind) for kind in kinds)


def search_everything(project: Project, text: str, *, limit: int) -> list[HitGroup]:
    """What the project has that goes by this text, at most `limit` of each kind. Kinds without a find are left out."""
    kinds = sorted(_search_kinds.values(), key=lambda kind: kind.position)
    groups = [HitGroup(kind.label, kind.icon, kind.find(project, text, limit)) for kind in kinds]
    return [group for group in groups if group.hits]


def navigation_hits(project: Project, text: str, limit: int) -> list[Hit]:
    """The pages of the navigation whose name holds this text."""
    return [
        Hit(entry.label, reverse(entry.url_name, kwargs={"project": project.slug}))
        for entry in sorted(_entries.values(), key=lambda entry: entry.position)
        if text.lower() in entry.label.lower()
    ][:limit]


def register_lists(*places: ListPlace) -> None:
    """Let views of these lists be saved; registering a key again replaces it."""
    _list_places.update((place.key, place) for place in places)


def list_place(key: str) -> ListPlace | None:
    """The list of this key, if there is one."""
    return _list_places.get(key)


def register_prompt_action(action: Callable[[Any, Any], tuple[str, ...] | None], *, key: str = "run") -> None:
    """Add a button to the page of a prompt; registering a key again replaces it.

    `action(prompt, version)` gives (label, url) or (label, url, icon), or None where it makes no sense.
    """
    _prompt_actions[key] = action


def prompt_actions(prompt: Any, version: Any) -> list[PanelLink]:
    """The buttons of upper apps for this version of a prompt, in the order of registration."""
    links = (action(prompt, version) for action in _prompt_actions.values())
    return [PanelLink(*link) for link in links if link is not None]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the navigation of the project that the page is in."""
    project = getattr(request, "project", None)
    if project is None:
        return {"project_items": cache(lambda: _projects_of(request))} if _is_signed_in(request) else {}
    items = [
        NavItem(entry.key, entry.label, entry.icon, reverse(entry.url_name, kwargs={"project": project.slug}))
        for entry in sorted(_entries.values(), key=lambda entry: entry.position)
    ]
    return {
        "nav_items": items,
        "project": project,
        "actor": getattr(request, "actor", None),
        "project_items": cache(lambda: _projects_of(request)),
    }


def _is_signed_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated


def _projects_of(request: Any) -> list[ProjectItem]:
    """The projects that this person belongs to; asked only when a template shows them."""
    memberships = request.user.memberships.select_related("project").order_by("project__name", "project_id")
    projects = [membership.project for membership in memberships]
    return [
        ProjectItem(found.name, found.slug, reverse("core:home", kwargs={"project": found.slug})) for found in projects
    ]
