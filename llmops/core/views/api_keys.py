"""API keys of a project: made, shown once, revoked."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.choices import Scope
from llmops.core.forms import SCOPE_WORDS, ApiKeyForm
from llmops.core.selectors.members import api_key_by_pk, api_keys_for_project
from llmops.core.services import api_key_create
from llmops.core.services import api_key_revoke as revoke
from llmops.core.views.project import settings_context


@project_page(Action.EDIT_API_KEY)
@never_cache
@require_http_methods(["GET", "POST"])
def api_key_list(request: ProjectRequest) -> HttpResponse:
    """All keys, and a form for a new one. The answer to the form is the only page that shows a key's text."""
    form = ApiKeyForm(request.POST or None)
    made = None
    if form.is_valid():
        made = api_key_create(
            project=request.project,
            name=form.cleaned_data["name"],
            scopes=[Scope(form.cleaned_data["scope"])],
            created_by=request.user,
            expires_at=form.expires_at(),
        )
        form = ApiKeyForm()
    context = settings_context(request, "api-keys") | {
        "form": form,
        "made": made,
        "api_url": request.build_absolute_uri("/api/v1/prompts/"),
        "keys": [(key, _words(key.scopes)) for key in api_keys_for_project(request.project)],
    }
    status = 201 if made else 422 if form.errors else 200
    return render(request, "core/settings_api_keys.html", context, status=status)


@project_page(Action.EDIT_API_KEY)
@require_http_methods(["GET", "POST"])
def api_key_revoke(request: ProjectRequest, pk: int) -> HttpResponse:
    """Ask, then make a key useless."""
    key = api_key_by_pk(request.project, pk=pk)
    if request.method == "POST":
        revoke(key)
        messages.success(request, f"The key “{key.name}” is revoked. Programs that use it are refused from now on.")
        return redirect("core:api-key-list", project=request.project.slug)
    return render(request, "core/api_key_revoke.html", settings_context(request, "api-keys") | {"key": key})


def _words(scopes: list[str]) -> str:
    return "; ".join(SCOPE_WORDS[Scope(scope)][0] for scope in scopes)
