"""Addresses under /api/ that are not there."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from llmops.core.access import open_page
from llmops.problems import problem


@csrf_exempt
@open_page
def unknown_api_address(request: HttpRequest, rest: str) -> JsonResponse:
    """404 in the form of every other error of the API."""
    message = f"There is no address /api/{rest[:200]}. /api/schema/ lists what there is."
    return JsonResponse(problem("not_found", message), status=404)
