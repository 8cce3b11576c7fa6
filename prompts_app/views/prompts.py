"""The list of prompts, new ones, tags, and the archive."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.models import Project
from llmops.core.selectors.paging import keyset_page
from llmops.core.views.addresses import query_of
from llmops.core.views.saved_views import views_shown
from llmops.core.views.undoing import done_with_undo
from prompts_app import services
from prompts_app.choices import PromptKind
from prompts_app.forms import NewPromptForm, tags_of
from prompts_app.selectors import prompt_by_name, prompt_counts, prompt_tags_in, prompts_for_project
from prompts_app.services import PromptProblem

PAGE_SIZE = 50
FILTERS = ("q", "tag", "archived")
MOST_TAGS = 100


@project_page(Action.VIEW)
def prompt_list(request: ProjectRequest) -> HttpResponse:
    """The project's prompts; `?q=` searches, `?tag=` and `?archived=1` narrow down, `?at=` is a page."""
    search, tag, archived = (
        request.GET.get("q", "").strip(),
        request.GET.get("tag", ""),
        "archived" in request.GET,
    )
    found = prompts_for_project(request.project, search=search, tag=tag, archived=archived)
    page = keyset_page(found, at=request.GET.get("at", ""), size=PAGE_SIZE, by="updated_at")
    n_in_use, n_archived = prompt_counts(request.project)
    context = {
        "nav": "prompts",
        "page": page,
        "newer_url": _address(request, at=page.newer) if page.newer else "",
        "older_url": _address(request, at=page.older) if page.older else "",
        "n_found": found.count(),
        "search": search,
        "narrowed": bool(search or tag),
        "archived": archived,
        "chips": _chips(request, tag=tag, archived=archived, n_in_use=n_in_use, n_archived=n_archived),
        "archived_url": "?archived=1" if n_archived else "",
        "kept": [(key, request.GET[key]) for key in ("tag", "archived") if key in request.GET],
        "may_edit": request.actor.may(Action.EDIT_PROMPT),
        "views": views_shown(request, "prompts"),
    }
    return render(request, "prompts_app/prompt_list.html", context)


@project_page(Action.EDIT_PROMPT)
@require_http_methods(["GET", "POST"])
def prompt_new(request: ProjectRequest) -> HttpResponse:
    """Make a prompt with its version 1 and open it."""
    form = NewPromptForm(request.POST if request.method == "POST" else None, project=request.project)
    if form.is_valid():
        try:
            version = services.prompt_create(
                project=request.project,
                name=form.cleaned_data["name"],
                kind=PromptKind.CHAT,
                content=form.content(),
                tags=tags_of(form.cleaned_data["tags"]),
                author=request.user,
            )
        except PromptProblem as problem:
            form.mark(problem)
        else:
            messages.success(request, "Version 1 is saved. Now try it.")
            return redirect("prompts:prompt-detail", request.project.slug, version.prompt.name)
    context = {"nav": "prompts", "form": form}
    return render(request, "prompts_app/prompt_new.html", context, status=422 if form.errors else 200)


@project_page(Action.EDIT_PROMPT)
@require_POST
def prompt_tags(request: ProjectRequest, name: str) -> HttpResponse:
    """Replace a prompt's tags."""
    prompt = prompt_by_name(request.project, name=name)
    services.prompt_tag(prompt, tags=tags_of(request.POST.get("tags", "")))
    return redirect("prompts:prompt-detail", request.project.slug, prompt.name)


@project_page(Action.EDIT_PROMPT)
@require_POST
def prompt_archive(request: ProjectRequest, name: str) -> HttpResponse:
    """Take a prompt out of the list."""
    prompt = prompt_by_name(request.project, name=name)
    services.prompt_archive(prompt)
    back = reverse("prompts:prompt-unarchive", args=[request.project.slug, prompt.name])
    done_with_undo(request, f"“{prompt.name}” is archived, with all its versions.", undo_url=back)
    return redirect("prompts:prompt-list", request.project.slug)


@project_page(Action.EDIT_PROMPT)
@require_POST
def prompt_unarchive(request: ProjectRequest, name: str) -> HttpResponse:
    """Bring a prompt back into the list."""
    prompt = prompt_by_name(request.project, name=name)
    services.prompt_unarchive(prompt)
    messages.success(request, f"“{prompt.name}” is back in the list.")
    return redirect("prompts:prompt-detail", request.project.slug, prompt.name)


def prompt_list_address(project: Project, subject: str) -> str | None:
    """Where the list of prompts stands; it lists the parts of nothing."""
    return None if subject else reverse("prompts:prompt-list", args=[project.slug])


def _address(request: ProjectRequest, **changes: str) -> str:
    """This list with other parameters; an empty one is left out."""
    return reverse("prompts:prompt-list", args=[request.project.slug]) + query_of(request, *FILTERS, **changes)


def _chips(
    request: ProjectRequest, *, tag: str, archived: bool, n_in_use: int, n_archived: int
) -> list[dict[str, Any]]:
    """What the list can be narrowed to; none when there is nothing to choose."""
    tags = prompt_tags_in(request.project)
    if not (tags or n_archived or archived):
        return []
    every = _address(request, tag="", archived="")
    chips = [{"label": "All", "url": every, "active": not (tag or archived), "count": n_in_use}]
    chips += [
        {"label": word, "url": _address(request, tag=word, archived=""), "active": word == tag, "count": n}
        for word, n in tags[:MOST_TAGS]
    ]
    if n_archived or archived:
        url = _address(request, tag="", archived="1")
        chips.append({"label": "Archived", "url": url, "active": archived, "count": n_archived})
    return chips
