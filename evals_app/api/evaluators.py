"""REST of evaluators."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from evals_app.api.serializers import EvaluatorBody, EvaluatorKindShown, EvaluatorShown
from evals_app.engine import KINDS, Kind
from evals_app.models import EvaluatorVersion
from evals_app.selectors import evaluator_by_name, latest_evaluator_version
from evals_app.selectors.evaluators import newest_versions_for_project
from evals_app.services import (
    EvaluatorNameTaken,
    EvaluatorProblem,
    evaluator_archive,
    evaluator_change,
    evaluator_create,
)
from llmops.core.access import Action
from llmops.core.api.base import ProjectAPIView
from llmops.core.api.description import IDEMPOTENCY_KEY
from llmops.core.api.errors import ApiProblem
from llmops.core.api.lookups import named_connection
from llmops.core.models import Project
from llmops.core.services import Answer


class EvaluatorList(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_EVALUATOR}

    @extend_schema(operation_id="evaluators_list", responses=EvaluatorShown(many=True))
    def get(self, request: Request) -> Response:
        """The project's evaluators, each in its newest version."""
        return self.page(newest_versions_for_project(self.project), evaluator_shown, key="evaluator_id")

    @extend_schema(
        operation_id="evaluators_create",
        parameters=[IDEMPOTENCY_KEY],
        request=EvaluatorBody,
        responses={201: EvaluatorShown},
    )
    def post(self, request: Request) -> Response:
        """Make an evaluator. `evaluators/kinds/` lists the kinds and the JSON Schema of their config."""
        body = self.checked(EvaluatorBody)
        judge = judge_of(self.project, body["kind"], body["config"])

        def act() -> Answer:
            version = evaluator_create(
                project=self.project,
                name=body["name"],
                kind=body["kind"],
                margin=body["margin"],
                author=self.actor.person,
                **judge,
            )
            return Answer(201, evaluator_shown(version))

        try:
            return self.once(act)
        except EvaluatorProblem as problem:
            raise _as_api_problem(problem) from problem


class EvaluatorKinds(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW}

    @extend_schema(operation_id="evaluator_kinds", responses=EvaluatorKindShown(many=True))
    def get(self, request: Request) -> Response:
        """All kinds of evaluator, what they need, and the JSON Schema of their config."""
        return Response({"results": [_kind_shown(kind) for kind in KINDS.values()], "next": None})


class EvaluatorDetail(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "PUT": Action.EDIT_EVALUATOR, "DELETE": Action.EDIT_EVALUATOR}

    @extend_schema(operation_id="evaluators_read", responses=EvaluatorShown)
    def get(self, request: Request, name: str) -> Response:
        """An evaluator in its newest version."""
        evaluator = evaluator_by_name(self.project, name=name)
        return Response(evaluator_shown(latest_evaluator_version(evaluator)))

    @extend_schema(operation_id="evaluators_change", request=EvaluatorBody, responses=EvaluatorShown)
    def put(self, request: Request, name: str) -> Response:
        """Change an evaluator's config or margin: a new version, unless nothing differs."""
        evaluator = evaluator_by_name(self.project, name=name)
        if not isinstance(request.data, dict):
            raise ApiProblem("invalid", "Send a JSON object.", http_status=400)
        body = self.checked(EvaluatorBody, {"name": name, "kind": evaluator.kind, **request.data})
        if body["kind"] != evaluator.kind:
            raise ApiProblem("invalid", "The kind stays as it is. Make a second evaluator instead.")
        try:
            version = evaluator_change(
                evaluator,
                margin=body["margin"],
                author=self.actor.person,
                **judge_of(self.project, evaluator.kind, body["config"]),
            )
        except EvaluatorProblem as problem:
            raise _as_api_problem(problem) from problem
        return Response(evaluator_shown(latest_evaluator_version(version.evaluator)))

    @extend_schema(operation_id="evaluators_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Archive an evaluator: it leaves the lists, its scores stay."""
        evaluator_archive(evaluator_by_name(self.project, name=name))
        return Response(status=204)


def judge_of(project: Project, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """For a kind that asks a model: the config without the names of connection and model, and what they name."""
    if kind not in KINDS or not KINDS[kind].uses_model:
        return {"config": config}
    judge = {name: config.get(name) or "" for name in ("connection", "model")}
    for name, value in judge.items():
        if not isinstance(value, str):
            message = "This must be a text."
            raise ApiProblem("invalid", message, fields=[{"field": f"config.{name}", "message": message}])
    return {
        "config": {name: value for name, value in config.items() if name not in judge},
        "connection": named_connection(project, judge["connection"], field="config.connection"),
        "model": judge["model"],
    }


def evaluator_shown(version: EvaluatorVersion) -> dict[str, Any]:
    config = dict(version.config)
    if version.connection is not None:
        config |= {"connection": version.connection.name, "model": version.model}
    return {
        "name": version.evaluator.name,
        "kind": version.evaluator.kind,
        "version": version.number,
        "config": config,
        "value_type": version.value_type,
        "direction": version.direction,
        "margin": version.margin,
    }


def _kind_shown(kind: Kind) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "title": kind.title,
        "summary": kind.summary,
        "needs": list(kind.needs),
        "uses_model": kind.uses_model,
        "config_schema": kind.config_schema,
    }


def _as_api_problem(problem: EvaluatorProblem) -> ApiProblem:
    taken = isinstance(problem, EvaluatorNameTaken)
    return ApiProblem(
        "name_taken" if taken else "invalid",
        problem.message,
        http_status=409 if taken else 422,
        fields=[{"field": problem.field, "message": problem.message}],
    )
