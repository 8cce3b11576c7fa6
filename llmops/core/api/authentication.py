"""API keys as DRF authentication. `request.auth` is the Actor."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from llmops.core.access import Actor, actor_for_key
from llmops.core.acting import acts
from llmops.core.models import User
from llmops.core.services import api_key_find


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`; the key belongs to one project and says what may be done there."""

    def authenticate(self, request: Request) -> tuple[User | None, Actor] | None:
        words = get_authorization_header(request).split()
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != b"bearer":
            raise AuthenticationFailed("Send the API key as: Authorization: Bearer <key>.")
        key = api_key_find(words[1].decode("latin-1"))
        if key is None:
            raise AuthenticationFailed("This API key is not known, has expired or was revoked.")
        acts(api_key=key)
        actor = actor_for_key(key)
        return actor.person, actor

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document speaks of API keys."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of one project (Settings, API keys).",
        }
