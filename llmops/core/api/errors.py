"""Every error of the API as `{error: {code, message, fields}}`."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings

from llmops.problems import problem

log = logging.getLogger(__name__)


class ApiProblem(exceptions.APIException):
    """An answer other than success: HTTP status, a code for programs, a sentence for people, wrong fields."""

    def __init__(
        self, code: str, message: str, *, http_status: int = 422, fields: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message, code)
        self.status_code = http_status
        self.code = code
        self.message = message
        self.fields = fields or []


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer for an exception raised in an API view; None leaves it to Django (500)."""
    if isinstance(error, ApiProblem):
        return _answer(error.status_code, error.code, error.message, error.fields)
    if isinstance(error, Http404):
        return _answer(status.HTTP_404_NOT_FOUND, "not_found", str(error) or "There is no such thing here.")
    if isinstance(error, PermissionDenied):
        return _answer(status.HTTP_403_FORBIDDEN, "permission_denied", "This API key may not do that.")
    if isinstance(error, exceptions.ValidationError):
        fields = _fields(error.detail)
        return _answer(422, "invalid", _summary(fields), fields)
    if isinstance(error, exceptions.APIException):
        codes = error.get_codes()
        code = codes if isinstance(codes, str) else error.default_code
        answer = _answer(error.status_code, code, _advice(error, context.get("view")) or _text(error.detail))
        if header := getattr(error, "auth_header", None):
            answer["WWW-Authenticate"] = header
        if wait := getattr(error, "wait", None):
            answer["Retry-After"] = str(int(wait))
        return answer
    return None


def _answer(http_status: int, code: str, message: str, fields: list[dict[str, Any]] | None = None) -> Response:
    return Response(problem(code, message, fields or []), status=http_status)


def _advice(error: exceptions.APIException, view: Any) -> str:
    """What to do instead, where the framework only says what was wrong."""
    if isinstance(error, exceptions.NotAuthenticated):
        return "Send an API key as: Authorization: Bearer <key>. Make one under Settings, API keys."
    if isinstance(error, exceptions.MethodNotAllowed) and (actions := getattr(view, "actions", {})):
        return f"This address takes {', '.join(actions)} and nothing else. /api/schema/ lists what there is."
    if isinstance(error, exceptions.UnsupportedMediaType):
        types = [parser.media_type for parser in getattr(view, "parser_classes", [])]
        return f"Send this with the Content-Type {' or '.join(types)}." if types else ""
    return ""


def _summary(fields: list[dict[str, Any]]) -> str:
    """The first of the wrong fields, for whoever reads no further, and how many there are."""
    first = ": ".join(part for part in (fields[0]["field"], fields[0]["message"]) if part) if fields else ""
    if len(fields) < 2:
        return first or "Some fields are wrong."
    return f"{len(fields)} fields are wrong. The first is {first}"


def _fields(detail: Any, path: str = "") -> list[dict[str, Any]]:
    if isinstance(detail, dict):
        return [row for name, below in detail.items() for row in _fields(below, _below(path, name))]
    if isinstance(detail, list):
        if all(isinstance(item, str) for item in detail):
            return [{"field": path, "message": " ".join(map(str, detail))}] if detail else []
        return [row for at, below in enumerate(detail) for row in _fields(below, f"{path}.{at}" if path else str(at))]
    return [{"field": path, "message": str(detail)}]


def _below(path: str, name: str | int) -> str:
    """The path of a field; what is wrong with a body as a whole keeps the path of that body."""
    if name == api_settings.NON_FIELD_ERRORS_KEY:
        return path
    return f"{path}.{name}" if path else str(name)


def _text(detail: Any) -> str:
    if isinstance(detail, dict):
        return " ".join(_text(below) for below in detail.values())
    if isinstance(detail, list):
        return " ".join(_text(below) for below in detail)
    return str(detail)
