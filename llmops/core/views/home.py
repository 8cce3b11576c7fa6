"""The project's home page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.panels import first_steps, home_panels, next_step


@project_page(Action.VIEW)
@require_GET
def home(request: ProjectRequest) -> HttpResponse:
    """What the project has, and the one next step."""
    steps = first_steps(request.project, may=request.actor.may)
    settled = all(step.state == "done" for step in steps)
    context = {
        "nav": "home",
        "steps": steps,
        "settled": settled,
        "next_step": next_step(request.project, may=request.actor.may) if settled else None,
        "last_step": steps[-1] if steps else None,
        "panels": [render_to_string(template, below, request=request) for template, below in home_panels(request)],
    }
    return render(request, "core/home.html", context)
