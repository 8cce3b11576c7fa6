"""What every API view of a project shares."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

from django.core.files.uploadedfile import UploadedFile
from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from llmops.core.access import Action, Actor
from llmops.core.api.description import MOST_PER_PAGE, PAGE_SIZE, Pages
from llmops.core.api.errors import ApiProblem
from llmops.core.models import Project
from llmops.core.services import Answer, KeyReused, answer_once, fingerprint

Row = TypeVar("Row", bound=Model)


class ProjectAPIView(APIView):
    """An API view of the key's project. `actions` names what each method does (see core/access.py)."""

    actions: ClassVar[dict[str, Action]] = {}
    pagination_class: ClassVar = Pages

    @property
    def actor(self) -> Actor:
        return cast(Actor, self.request.auth)  # set by ApiKeyAuthentication

    @property
    def project(self) -> Project:
        return self.actor.project

    def checked(self, serializer_class: type[serializers.Serializer[Any]], body: Any = None) -> dict[str, Any]:
        """The body as the serializer understands it; raises ValidationError."""
        serializer = serializer_class(data=self.request.data if body is None else body)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def once(self, act: Callable[[], Answer]) -> Response:
        """Answer with `act`, once for each Idempotency-Key when the request carries one."""
        key = self.request.headers.get("Idempotency-Key", "")
        if not key:
            answer = act()
            return Response(answer.body, status=answer.status)
        if len(key) > 255:
            raise ApiProblem(
                "idempotency_key_too_long", "An Idempotency-Key has at most 255 characters.", http_status=400
            )
        asked = fingerprint(self.request.method, self.request.path, _body_for_fingerprint(self.request))
        try:
            answer = answer_once(project=self.project, key=key, asked=asked, act=act)
        except KeyReused as reused:
            raise ApiProblem(
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Take a new key for a new request.",
                http_status=409,
            ) from reused
        return Response(answer.body, status=answer.status)

    def page(
        self,
        rows: QuerySet[Row],
        show: Callable[[Row], dict[str, Any]],
        *,
        key: str = "pk",
        newest_first: bool = False,
    ) -> Response:
        """`{results, next}`: rows by `key`, which must be unique; `next` is the next page's `cursor`."""
        limit = _limit(self.request)
        if after := _decode_cursor(self.request.query_params.get("cursor", "")):
            try:
                rows = rows.filter(**{f"{key}__{'lt' if newest_first else 'gt'}": after})
            except ValueError as unreadable:
                raise _bad_cursor() from unreadable
        found = list(rows.order_by(f"{'-' if newest_first else ''}{key}")[: limit + 1])
        more = len(found) > limit
        found = found[:limit]
        cursor = _encode_cursor(str(getattr(found[-1], key))) if more else None
        return Response({"results": [show(row) for row in found], "next": cursor})


def _body_for_fingerprint(request: Request) -> Any:
    files = {name: _file_digest(file) for name, file in getattr(request, "FILES", {}).items()}
    return [request.data if not files else {k: v for k, v in request.data.items() if k not in files}, files]


def _file_digest(file: UploadedFile) -> list[Any]:
    digest = hashlib.sha256()
    for piece in file.chunks():
        digest.update(piece)
    file.seek(0)
    return [file.name, digest.hexdigest()]


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE_SIZE))
    if not text.isdecimal() or int(text[:10]) < 1:
        raise ApiProblem("invalid", f"limit must be a whole number from 1 to {MOST_PER_PAGE}.", http_status=400)
    return min(int(text[:10]), MOST_PER_PAGE)


def _encode_cursor(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> str:
    try:
        value = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as unreadable:
        raise _bad_cursor() from unreadable
    return value


def _bad_cursor() -> ApiProblem:
    return ApiProblem("invalid", "This cursor is not one of ours.", http_status=400)
