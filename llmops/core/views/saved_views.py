"""Saved views: the tabs above a list, and the pages that keep, rename and remove them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.forms.saved_views import SavedViewForm
from llmops.core.models import SavedView
from llmops.core.selectors.saved_views import saved_view_by_pk, saved_views
from llmops.core.services.saved_views import (
    SavedViewProblem,
    saved_view_add,
    saved_view_change,
    saved_view_put_back,
    saved_view_remove,
)
from llmops.core.views.addresses import Chip
from llmops.core.views.undoing import done_with_undo
from llmops.panels import ListPlace, list_place

MOST_QUERY = 1000


@dataclass(frozen=True, slots=True)
class ViewsShown:
    """What a list shows of its views; `save_url` is empty when there is nothing to keep, or it is kept already."""

    tabs: list[Chip]
    place: str
    subject: str
    query: str
    save_url: str
    edit_url: str
    may_share: bool


def views_shown(request: ProjectRequest, key: str, *, subject: str = "", here: str = "") -> ViewsShown:
    """The views of the list that the page shows, in one query; `here` is its address, where that takes another."""
    place = _place(request, key)
    here, query = here or _address(request, place, subject), _canonical(place, request.GET.dict())
    views = saved_views(request.project, user=request.user, place=key, subject=subject)
    chosen = next((view for view in views if view.query == query), None)
    every = Chip(place.all_words, here, not query)
    slug = request.project.slug
    return ViewsShown(
        tabs=[every, *(Chip(view.name, f"{here}?{view.query}", view == chosen) for view in views)] if views else [],
        place=key,
        subject=subject,
        query=query,
        save_url=reverse("core:saved-view-new", args=[slug]) if query and not chosen else "",
        edit_url=reverse("core:saved-view-edit", args=[slug, chosen.pk]) if chosen and _may(request, chosen) else "",
        may_share=request.actor.may(Action.SHARE_VIEW),
    )


@project_page(Action.VIEW)
@require_http_methods(["GET", "POST"])
def saved_view_new(request: ProjectRequest) -> HttpResponse:
    """Keep the filter `query` of the list `place` under a name; a list shows this form in a menu."""
    given = request.POST if request.method == "POST" else request.GET
    kind = _place(request, given.get("place", ""))
    subject, query = given.get("subject", ""), _canonical(kind, dict(parse_qsl(given.get("query", ""))))
    here = _address(request, kind, subject)
    form = SavedViewForm(
        request.POST if request.method == "POST" else None, may_share=request.actor.may(Action.SHARE_VIEW)
    )
    if form.is_valid():
        if not query:
            form.add_error(None, "The list shows everything: narrow it down first, then save what you see.")
        elif _kept(request, form, place=kind.key, subject=subject, query=query):
            messages.success(request, f"“{form.cleaned_data['name']}” is saved.")
            return redirect(f"{here}?{query}")
    context = {
        "nav": kind.nav,
        "form": form,
        "place": kind,
        "subject": subject,
        "query": query,
        "list_url": _with(here, query),
    }
    return render(request, "core/saved_view.html", context, status=422 if form.errors else 200)


@project_page(Action.VIEW)
@require_http_methods(["GET", "POST"])
def saved_view_edit(request: ProjectRequest, pk: int) -> HttpResponse:
    """Rename a view, share it or not."""
    view, place = _view(request, pk)
    here = _address(request, place, view.subject)
    form = SavedViewForm(
        request.POST if request.method == "POST" else None,
        initial={"name": view.name, "shared": view.is_shared},
        may_share=request.actor.may(Action.SHARE_VIEW),
    )
    if form.is_valid():
        try:
            saved_view_change(view, name=form.cleaned_data["name"], is_shared=form.is_shared)
        except SavedViewProblem as problem:
            form.add_error("name", str(problem))
        else:
            messages.success(request, f"“{view.name}” is saved.")
            return redirect(f"{here}?{view.query}")
    context = {"nav": place.nav, "form": form, "place": place, "view": view, "list_url": _with(here, view.query)}
    return render(request, "core/saved_view.html", context, status=422 if form.errors else 200)


@require_POST
@project_page(Action.VIEW)
def saved_view_take_away(request: ProjectRequest, pk: int) -> HttpResponse:
    """Remove a view, with a way back."""
    view, place = _view(request, pk)
    saved_view_remove(view)
    back = reverse("core:saved-view-put-back", args=[request.project.slug, view.pk])
    done_with_undo(request, f"The view “{view.name}” is removed.", undo_url=back)
    return redirect(_address(request, place, view.subject))


@require_POST
@project_page(Action.VIEW)
def saved_view_back(request: ProjectRequest, pk: int) -> HttpResponse:
    """Undo the removal of a view."""
    view, place = _view(request, pk)
    try:
        saved_view_put_back(view)
    except SavedViewProblem as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"“{view.name}” is back.")
    return redirect(_with(_address(request, place, view.subject), view.query))


def _kept(request: ProjectRequest, form: SavedViewForm, **of: str) -> bool:
    try:
        saved_view_add(
            project=request.project,
            owner=request.user,
            name=form.cleaned_data["name"],
            is_shared=form.is_shared,
            **of,
        )
    except SavedViewProblem as problem:
        form.add_error("name", str(problem))
        return False
    return True


def _view(request: ProjectRequest, pk: int) -> tuple[SavedView, ListPlace]:
    """A view that this member may change. Raises Http404 for one that they do not see, else PermissionDenied."""
    view = saved_view_by_pk(request.project, user=request.user, pk=pk)
    place = _place(request, view.place)
    if not _may(request, view):
        raise PermissionDenied(Action.SHARE_VIEW)
    return view, place


def _may(request: ProjectRequest, view: SavedView) -> bool:
    return view.owner_id == request.user.pk or request.actor.may(Action.SHARE_VIEW)


def _place(request: ProjectRequest, key: str) -> ListPlace:
    place = list_place(key)
    if place is None:
        raise Http404("There is no such list.")
    if place.needs is not None and not request.actor.may(place.needs):
        raise PermissionDenied(place.needs)
    return place


def _address(request: ProjectRequest, place: ListPlace, subject: str) -> str:
    address = place.address(request.project, subject)
    if address is None:
        raise Http404("There is no such list in this project.")
    return address


def _canonical(place: ListPlace, parameters: dict[str, Any]) -> str:
    """The filter in one spelling, so that the same filter is the same text; one too long to keep is none."""
    wanted = {name: str(parameters.get(name) or "").replace("\x00", "").strip() for name in place.filters}
    query = urlencode({name: value for name, value in wanted.items() if value})
    return query if len(query) <= MOST_QUERY else ""


def _with(address: str, query: str) -> str:
    return f"{address}?{query}" if query else address
