"""DRF permissions, which only ask core/access.py."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from llmops.core.access import Action, Actor


class AccessRule(BasePermission):
    """Lets a request through when the key may do what the view's `actions` names for its method.

    A view without `actions`, or without one for the method, lets nobody through. Who may read may ask with HEAD.
    """

    message = "This API key may not do that. Make one with a wider scope under Settings, API keys."

    def has_permission(self, request: Request, view: Any) -> bool:
        actor: Actor | None = request.auth
        actions: dict[str, Action] = getattr(view, "actions", {})
        if actor is None or not actions:
            return False
        action = actions.get("GET" if request.method == "HEAD" else str(request.method))
        if action is None:
            raise MethodNotAllowed(str(request.method))
        return actor.may(action)


class Anyone(BasePermission):
    """For what holds nothing of any project, such as the OpenAPI document."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return True
