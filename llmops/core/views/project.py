"""Settings of a project: its name, and who belongs to it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.choices import Role
from llmops.core.forms import ProjectForm
from llmops.core.selectors.members import members_of_project
from llmops.core.services import project_rename

ROLE_WORDS = {
    Role.VIEWER: "Reads everything: prompts, datasets, runs.",
    Role.REVIEWER: "Reads everything and judges answers.",
    Role.EDITOR: "Also edits prompts, datasets and metrics, and starts runs.",
    Role.RELEASER: "Also decides which version users get.",
    Role.ADMIN: "Also connects models and looks after members, keys and settings.",
}


@project_page(Action.VIEW, post=Action.EDIT_PROJECT)
@require_http_methods(["GET", "POST"])
def settings(request: ProjectRequest) -> HttpResponse:
    """What the project is called."""
    form = ProjectForm(request.POST or None, initial={"name": request.project.name})
    if form.is_valid():
        project_rename(request.project, name=form.cleaned_data["name"])
        messages.success(request, "The new name is saved.")
        return redirect("core:settings", project=request.project.slug)
    context = settings_context(request, "project") | {
        "form": form,
        "may_edit": request.actor.may(Action.EDIT_PROJECT),
    }
    return render(request, "core/settings_project.html", context, status=422 if form.errors else 200)


@project_page(Action.VIEW)
def member_list(request: ProjectRequest) -> HttpResponse:
    """Who belongs to the project, and what each may do."""
    members = [(member, ROLE_WORDS[Role(member.role)]) for member in members_of_project(request.project)]
    return render(request, "core/settings_members.html", settings_context(request, "members") | {"members": members})


def settings_context(request: ProjectRequest, active: str) -> dict[str, Any]:
    """What every settings page needs: its tabs, those that this member may open."""
    tabs = [("project", "Project", "core:settings"), ("members", "Members", "core:member-list")]
    if request.actor.may(Action.EDIT_API_KEY):
        tabs.append(("api-keys", "API keys", "core:api-key-list"))
    return {
        "nav": "settings",
        "tabs": [
            {"label": label, "url": reverse(name, args=[request.project.slug]), "active": key == active}
            for key, label, name in tabs
        ],
    }
