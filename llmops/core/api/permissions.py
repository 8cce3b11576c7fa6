"""DRF permissions, which only ask core/access.py."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from llmops.core.access import Action, Actor


class AccessRule(BasePermission):
    """Lets a request through when the key may do what the view's `actions` names for its method.

    A view without `actions`, or without one for the method, lets nobody through.
    """

    message = "This API key may not do that. Make one with a wider scope under Settings, API keys."

    def has_permission(self, request: Request, view: Any) -> bool:
        actor: Actor | None = request.auth
        action: Action | None = getattr(view, "actions", {}).get(request.method)
        return actor is not None and action is not None and actor.may(action)


class Anyone(BasePermission):
    """For what holds nothing of any project, such as the OpenAPI document."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return True
