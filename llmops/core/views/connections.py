"""Pages of model connections."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.forms import ConnectionForm
from llmops.core.models import Connection
from llmops.core.selectors import connection_by_name, connections_for_project
from llmops.core.services import ConnectionProblem, connection_archive, connection_change, connection_create
from llmops.core.services.trying import connection_try
from llmops.core.vendors import VENDORS
from llmops.providers.base import Vendor


@project_page(Action.VIEW)
@require_GET
def connection_list(request: ProjectRequest) -> HttpResponse:
    """All connections, and how their last tests went."""
    context = _list_context(request)
    return render(request, "core/connection_list.html", context)


@project_page(Action.EDIT_CONNECTION)
@require_http_methods(["GET", "POST"])
def connection_new(request: ProjectRequest) -> HttpResponse:
    """Choose a vendor, then say what that vendor needs; saving makes one tiny call."""
    vendor = _vendor(request.GET.get("vendor", ""))
    if vendor is None:
        return render(request, "core/connection_vendors.html", {"nav": "models", "vendors": VENDORS.items()})
    form = ConnectionForm(request.POST or None, vendor=vendor)
    if form.is_valid():
        try:
            made = connection_create(project=request.project, wanted=form.wanted(), created_by=request.user)
        except ConnectionProblem as problem:
            form.mark(problem.field, problem.message)
        else:
            return _to_test_result(request, made)
    return _form_page(request, form, connection=None)


@project_page(Action.EDIT_CONNECTION)
@require_http_methods(["GET", "POST"])
def connection_edit(request: ProjectRequest, name: str) -> HttpResponse:
    """Change a connection; saving makes one tiny call. `?problem=` is the kind of its last failure."""
    connection = connection_by_name(request.project, name=name)
    vendor = Vendor(connection.vendor)
    if request.method == "GET" and "problem" in request.GET and connection.test_problem:
        form = ConnectionForm.after_test(connection, kind=request.GET["problem"])
        return _form_page(request, form, connection=connection, saved=True)
    form = ConnectionForm(request.POST or None, vendor=vendor, connection=connection)
    if form.is_valid():
        try:
            connection_change(connection, wanted=form.wanted())
        except ConnectionProblem as problem:
            form.mark(problem.field, problem.message)
        else:
            return _to_test_result(request, connection)
    return _form_page(request, form, connection=connection)


@project_page(Action.EDIT_CONNECTION)
@require_POST
def connection_test(request: ProjectRequest, name: str) -> HttpResponse:
    """Make one tiny call. Answers with the rows of the list, or goes back to the list without htmx."""
    connection = connection_by_name(request.project, name=name)
    tried = async_to_sync(connection_try)(connection, user=request.user)
    if not request.htmx:  # type: ignore[attr-defined]  # set by HtmxMiddleware
        return redirect(f"{reverse('core:connection-list', args=[request.project.slug])}#connection-{connection.pk}")
    context = _list_context(request) | {"tried": tried, "tested_pk": connection.pk}
    answer = render(request, "core/connection_list.html#connection-rows", context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


@project_page(Action.EDIT_CONNECTION)
@require_http_methods(["GET", "POST"])
def connection_remove(request: ProjectRequest, name: str) -> HttpResponse:
    """Ask, then take a connection out of use."""
    connection = connection_by_name(request.project, name=name)
    if request.method == "POST":
        connection_archive(connection)
        messages.success(request, f"“{connection.name}” is removed and its key is forgotten.")
        return redirect("core:connection-list", project=request.project.slug)
    return render(request, "core/connection_remove.html", {"nav": "models", "connection": connection})


def _vendor(text: str) -> Vendor | None:
    if not text:
        return None
    try:
        return Vendor(text)
    except ValueError as unknown:
        raise Http404("There is no such vendor.") from unknown


def _list_context(request: ProjectRequest) -> dict[str, Any]:
    connections = connections_for_project(request.project)
    return {
        "nav": "models",
        "rows": [(connection, VENDORS[Vendor(connection.vendor)]) for connection in connections],
        "may_edit": request.actor.may(Action.EDIT_CONNECTION),
    }


def _form_page(
    request: ProjectRequest, form: ConnectionForm, *, connection: Connection | None, saved: bool = False
) -> HttpResponse:
    context = {"nav": "models", "form": form, "card": form.card, "connection": connection, "saved": saved}
    status = 422 if form.errors and not saved else 200
    return render(request, "core/connection_form.html", context, status=status)


def _to_test_result(request: ProjectRequest, connection: Connection) -> HttpResponse:
    """Call the model once: on to the list when it answered, back to the form when not."""
    tried = async_to_sync(connection_try)(connection, user=request.user)
    if tried.ok:
        messages.success(request, f"“{connection.name}” is connected. {tried.message}")
        return redirect("core:connection-list", project=request.project.slug)
    address = reverse("core:connection-edit", args=[request.project.slug, connection.name])
    return redirect(f"{address}?problem={tried.kind}")
