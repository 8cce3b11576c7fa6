"""REST of the core: connections."""

from __future__ import annotations

from typing import ClassVar

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from llmops.core.access import Action
from llmops.core.api.base import ProjectAPIView
from llmops.core.api.description import IDEMPOTENCY_KEY
from llmops.core.api.errors import ApiProblem
from llmops.core.api.serializers import (
    ConnectionBody,
    ConnectionShown,
    ConnectionTested,
    connection_settings,
    connection_shown,
)
from llmops.core.selectors import connection_by_name, connections_for_project
from llmops.core.services import (
    Answer,
    ConnectionProblem,
    connection_archive,
    connection_change,
    connection_create,
)
from llmops.core.services.trying import connection_try


class ConnectionList(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_CONNECTION}

    @extend_schema(operation_id="connections_list", responses=ConnectionShown(many=True))
    def get(self, request: Request) -> Response:
        """The project's connections. Keys are never shown."""
        return self.page(connections_for_project(self.project), connection_shown)

    @extend_schema(
        operation_id="connections_create",
        parameters=[IDEMPOTENCY_KEY],
        request=ConnectionBody,
        responses={201: ConnectionShown},
    )
    def post(self, request: Request) -> Response:
        """Make a connection. The key is stored encrypted and never returned."""
        wanted = connection_settings(self.checked(ConnectionBody))

        def act() -> Answer:
            made = connection_create(project=self.project, wanted=wanted, created_by=self.actor.person)
            return Answer(201, connection_shown(made))

        try:
            return self.once(act)
        except ConnectionProblem as problem:
            raise as_api_problem(problem) from problem


class ConnectionDetail(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "PUT": Action.EDIT_CONNECTION, "DELETE": Action.EDIT_CONNECTION}

    @extend_schema(operation_id="connections_read", responses=ConnectionShown)
    def get(self, request: Request, name: str) -> Response:
        """One connection."""
        return Response(connection_shown(connection_by_name(self.project, name=name)))

    @extend_schema(operation_id="connections_change", request=ConnectionBody, responses=ConnectionShown)
    def put(self, request: Request, name: str) -> Response:
        """Change a connection. An empty key keeps the stored one, unless the address changes."""
        connection = connection_by_name(self.project, name=name)
        try:
            connection_change(connection, wanted=connection_settings(self.checked(ConnectionBody)))
        except ConnectionProblem as problem:
            raise as_api_problem(problem) from problem
        return Response(connection_shown(connection))

    @extend_schema(operation_id="connections_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Take a connection out of use and forget its key."""
        connection_archive(connection_by_name(self.project, name=name))
        return Response(status=204)


class ConnectionTest(ProjectAPIView):
    actions: ClassVar = {"POST": Action.EDIT_CONNECTION}

    @extend_schema(operation_id="connections_test", request=None, responses=ConnectionTested)
    def post(self, request: Request, name: str) -> Response:
        """Make one tiny call and say how it went."""
        connection = connection_by_name(self.project, name=name)
        tried = async_to_sync(connection_try)(connection, user=self.actor.person)
        return Response({"ok": tried.ok, "message": tried.message, "latency_ms": tried.latency_ms})


def as_api_problem(problem: ConnectionProblem) -> ApiProblem:
    return ApiProblem("invalid", problem.message, fields=[{"field": problem.field, "message": problem.message}])
