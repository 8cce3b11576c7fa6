"""A new project; and the settings of one: its name, and the tabs of all its settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from llmops.core.access import Action, ProjectRequest, SignedInRequest, project_page, signed_in_page
from llmops.core.forms import ProjectForm
from llmops.core.services import project_create, project_rename


@signed_in_page
@require_http_methods(["GET", "POST"])
def project_new(request: SignedInRequest) -> HttpResponse:
    """Make a project, whose admin is whoever makes it."""
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        project = project_create(name=form.cleaned_data["name"], owner=request.user)
        messages.success(request, f"“{project}” is there, and you are its admin.")
        return redirect("core:home", project=project.slug)
    return render(request, "core/project_new.html", {"form": form}, status=422 if form.errors else 200)


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


def settings_context(request: ProjectRequest, active: str) -> dict[str, Any]:
    """What every settings page needs: its tabs, those that this member may open."""
    tabs = [("project", "Project", "core:settings"), ("members", "Members", "core:member-list")]
    if request.actor.may(Action.EDIT_API_KEY):
        tabs.append(("api-keys", "API keys", "core:api-key-list"))
    if request.actor.may(Action.READ_AUDIT):
        tabs.append(("audit", "Audit trail", "core:audit-trail"))
    return {
        "nav": "settings",
        "tabs": [
            {"label": label, "url": reverse(name, args=[request.project.slug]), "active": key == active}
            for key, label, name in tabs
        ],
    }
