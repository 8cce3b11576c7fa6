"""The front door: on to the project that the person belongs to."""

from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from llmops.core.access import open_page
from llmops.core.models import Membership


@open_page
def start(request: HttpRequest) -> HttpResponse:
    """Send people to their first project, or say that they belong to none."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    membership = Membership.objects.filter(user=request.user).select_related("project").order_by("pk").first()
    if membership is None:
        return render(request, "core/no_project.html", status=200)
    return redirect("core:home", project=membership.project.slug)
