"""REST of runs and results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from evals_app.api.serializers import (
    ResultShown,
    RunBody,
    RunCreated,
    RunRescoreBody,
    RunResumeBody,
    RunShown,
)
from evals_app.api.showing import result_shown, run_created, run_shown, runs_shown
from evals_app.selectors import (
    dataset_by_name,
    latest_evaluator_versions,
    results_of_run,
    run_by_id,
    run_evaluators,
    runs_for_project,
)
from evals_app.services import RunProblem, RunSettings, run_create, run_rescore, run_resume, run_stop, run_upload
from evals_app.services.uploads import WrongOutputs, uploaded_outputs
from evals_app.tasks import nudge_workers
from llmops.core.access import Action
from llmops.core.api.base import ProjectAPIView
from llmops.core.api.description import IDEMPOTENCY_KEY
from llmops.core.api.errors import ApiProblem
from llmops.core.api.lookups import named_connection
from llmops.core.models import Project
from llmops.core.services import Answer
from prompts_app.models import PromptVersion
from prompts_app.selectors import latest_version, prompt_by_name, prompt_version

Found = TypeVar("Found")


class RunList(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.START_RUN}

    @extend_schema(operation_id="runs_list", responses=RunShown(many=True))
    def get(self, request: Request) -> Response:
        """The project's runs, newest first."""
        answer = self.page(runs_for_project(self.project), lambda run: {"run": run}, newest_first=True)
        answer.data["results"] = runs_shown([row["run"] for row in answer.data["results"]])
        return answer

    @extend_schema(
        operation_id="runs_create", parameters=[IDEMPOTENCY_KEY], request=RunBody, responses={201: RunCreated}
    )
    def post(self, request: Request) -> Response:
        """Start a run of a prompt over a dataset, or score outputs made elsewhere (`outputs`)."""
        body = self.checked(RunBody)

        def act() -> Answer:
            wanted = run_settings(self.project, body)
            if "outputs" in body:
                outputs = uploaded_outputs(wanted, body["outputs"])
                run = run_upload(project=self.project, wanted=wanted, outputs=outputs, author=self.actor.person)
            else:
                run = run_create(project=self.project, wanted=wanted, author=self.actor.person)
            transaction.on_commit(nudge_workers)
            return Answer(201, run_created(run))

        try:
            return self.once(act)
        except WrongOutputs as wrong:
            fields = [problem._asdict() for problem in wrong.problems]
            raise ApiProblem("wrong_rows", str(wrong), fields=fields) from wrong
        except RunProblem as problem:
            raise _as_api_problem(problem) from problem


class RunDetail(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW}

    @extend_schema(operation_id="runs_read", responses=RunShown)
    def get(self, request: Request, run_id: str) -> Response:
        """How far a run is, what it waits for, and what it found so far."""
        return Response(run_shown(run_by_id(self.project, run_id=run_id)))


class RunResults(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW}

    @extend_schema(operation_id="run_results", responses=ResultShown(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """Every planned result with its answer, scores and attempts, in the order of planning."""
        run = run_by_id(self.project, run_id=run_id)
        marked_by = {row.evaluator_version_id for row in run_evaluators(run)}
        return self.page(results_of_run(run), lambda result: result_shown(result, marked_by=marked_by))


class RunStop(ProjectAPIView):
    actions: ClassVar = {"POST": Action.START_RUN}

    @extend_schema(operation_id="runs_stop", request=None, responses=RunShown)
    def post(self, request: Request, run_id: str) -> Response:
        """Make no more calls; those in flight are recorded."""
        run = run_by_id(self.project, run_id=run_id)
        run_stop(run)
        return Response(run_shown(run))


class RunResume(ProjectAPIView):
    actions: ClassVar = {"POST": Action.START_RUN}

    @extend_schema(operation_id="runs_resume", request=RunResumeBody, responses=RunShown)
    def post(self, request: Request, run_id: str) -> Response:
        """Carry on a stopped run with what is left; `budget_usd` raises its budget."""
        run = run_by_id(self.project, run_id=run_id)
        body = self.checked(RunResumeBody)
        try:
            run_resume(run, budget_usd=body["budget_usd"])
        except RunProblem as problem:
            raise _as_api_problem(problem) from problem
        nudge_workers()
        return Response(run_shown(run))


class RunRescore(ProjectAPIView):
    actions: ClassVar = {"POST": Action.START_RUN}

    @extend_schema(operation_id="runs_rescore", request=RunRescoreBody, responses=RunShown)
    def post(self, request: Request, run_id: str) -> Response:
        """Mark the saved answers with the newest versions of `evaluators` (without them: of the run's own)."""
        run = run_by_id(self.project, run_id=run_id)
        names = self.checked(RunRescoreBody)["evaluators"] or [
            row.evaluator_version.evaluator.name for row in run_evaluators(run)
        ]
        try:
            run_rescore(run, evaluators=latest_evaluator_versions(self.project, names=names))
        except RunProblem as problem:
            raise _as_api_problem(problem) from problem
        except Http404 as missing:
            raise _missing("evaluators", missing) from missing
        nudge_workers()
        return Response(run_shown(run))


def run_settings(project: Project, body: dict[str, Any]) -> RunSettings:
    """What a checked body asks for. Raises ApiProblem naming the field whose thing is not there."""
    model = body.get("model") or {}
    return RunSettings(
        dataset=_found("dataset", lambda: dataset_by_name(project, name=body["dataset"])),
        evaluators=_found("evaluators", lambda: latest_evaluator_versions(project, names=body["evaluators"])),
        version=_version(project, body) if "prompt" in body else None,
        connection=named_connection(project, model.get("connection", "")),
        model=model.get("model", ""),
        repeats=body["repeats"],
        concurrency=body["concurrency"],
        budget_usd=body["budget_usd"],
        sample=body["sample"],
        split=body["split"],
        label=body["label"],
    )


def _version(project: Project, body: dict[str, Any]) -> PromptVersion:
    prompt = _found("prompt", lambda: prompt_by_name(project, name=body["prompt"]))
    if "version" not in body:
        return latest_version(prompt)
    return _found("version", lambda: prompt_version(prompt, number=body["version"]))


def _found(field: str, find: Callable[[], Found]) -> Found:
    try:
        return find()
    except Http404 as missing:
        raise _missing(field, missing) from missing


def _missing(field: str, missing: Http404) -> ApiProblem:
    return ApiProblem("invalid", str(missing), fields=[{"field": field, "message": str(missing)}])


def _as_api_problem(problem: RunProblem) -> ApiProblem:
    status = 409 if problem.field == "state" else 422
    fields = [{"field": problem.field, "message": problem.message}]
    return ApiProblem("invalid", problem.message, http_status=status, fields=fields)
