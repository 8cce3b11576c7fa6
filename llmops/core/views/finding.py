"""The search over everything in a project."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.views.addresses import text_in
from llmops.panels import search_everything

HITS_IN_DIALOG, HITS_ON_PAGE = 5, 30


@project_page(Action.VIEW)
@require_safe
@vary_on_headers("HX-Request")
def project_search(request: ProjectRequest) -> HttpResponse:
    """What goes by `?q=`: a whole page, or the list alone for the dialog that Ctrl+K opens."""
    text = " ".join(text_in(request, "q").split())
    in_dialog = "HX-Request" in request.headers
    groups = search_everything(request.project, text, limit=HITS_IN_DIALOG if in_dialog else HITS_ON_PAGE)
    context = {"nav": "search", "search": text, "groups": groups}
    template = "core/search.html#search-results" if in_dialog else "core/search.html"
    return render(request, template, context)
