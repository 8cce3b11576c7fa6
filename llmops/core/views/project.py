"""Settings of a project: its name, and the tabs of all its settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.forms import ProjectForm
from llmops.core.services import project_rename


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
