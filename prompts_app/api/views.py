"""REST of prompts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from llmops.core.access import Action
from llmops.core.api.base import ProjectAPIView
from llmops.core.api.description import IDEMPOTENCY_KEY
from llmops.core.api.errors import ApiProblem
from llmops.core.api.lookups import named_connection
from llmops.core.models import Project
from llmops.core.services import Answer
from llmops.providers.base import Message
from prompts_app.api.serializers import (
    PromptBody,
    PromptShown,
    VersionBody,
    VersionShown,
    prompt_shown,
    version_shown,
)
from prompts_app.choices import PromptKind
from prompts_app.selectors import latest_version, prompt_by_name, prompt_version, prompts_for_project
from prompts_app.services import (
    PromptNameTaken,
    PromptProblem,
    VersionContent,
    prompt_archive,
    prompt_create,
    version_publish,
)


class PromptList(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_PROMPT}

    @extend_schema(operation_id="prompts_list", responses=PromptShown(many=True))
    def get(self, request: Request) -> Response:
        """The project's prompts."""
        return self.page(prompts_for_project(self.project), prompt_shown)

    @extend_schema(
        operation_id="prompts_create", parameters=[IDEMPOTENCY_KEY], request=PromptBody, responses={201: VersionShown}
    )
    def post(self, request: Request) -> Response:
        """Make a prompt with its version 1."""
        body = self.checked(PromptBody)
        kind = PromptKind(body.get("kind") or (PromptKind.TEXT if "text" in body else PromptKind.CHAT))
        content = version_content(self.project, body)

        def act() -> Answer:
            version = prompt_create(
                project=self.project,
                name=body["name"],
                kind=kind,
                content=content,
                message=body["message"],
                tags=body["tags"],
                author=self.actor.person,
            )
            return Answer(201, version_shown(version.prompt, version))

        return _answered(lambda: self.once(act))


class PromptDetail(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "DELETE": Action.EDIT_PROMPT}

    @extend_schema(
        operation_id="prompts_read",
        parameters=[OpenApiParameter("version", int, description="A version's number; without it, the newest.")],
        responses={200: VersionShown, 304: None},
    )
    def get(self, request: Request, name: str) -> Response:
        """One version of a prompt. Answers 304 when `If-None-Match` names the version's ETag."""
        prompt = prompt_by_name(self.project, name=name)
        number = request.query_params.get("version", "")
        if number and not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise ApiProblem("invalid", "version must be a whole number.", http_status=400)
        if environment := request.query_params.get("environment", ""):
            raise Http404(f"There is no environment called “{environment}”.")
        version = prompt_version(prompt, number=int(number)) if number else latest_version(prompt)
        etag = f'"{prompt.pk}-{version.number}-{version.content_hash[:16]}"'
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
        unchanged = etag in known or known == ["*"]
        answer = Response(status=304) if unchanged else Response(version_shown(prompt, version))
        answer["ETag"] = etag
        return answer

    @extend_schema(operation_id="prompts_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Archive a prompt: it leaves the lists, its versions and runs stay."""
        prompt_archive(prompt_by_name(self.project, name=name))
        return Response(status=204)


class VersionList(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_PROMPT}

    @extend_schema(operation_id="prompt_versions_list", responses=VersionShown(many=True))
    def get(self, request: Request, name: str) -> Response:
        """All versions of a prompt, newest first."""
        prompt = prompt_by_name(self.project, name=name)
        versions = prompt.versions.select_related("connection")
        return self.page(versions, lambda version: version_shown(prompt, version), key="number", newest_first=True)

    @extend_schema(
        operation_id="prompt_versions_create",
        parameters=[IDEMPOTENCY_KEY],
        request=VersionBody,
        responses={200: VersionShown, 201: VersionShown},
    )
    def post(self, request: Request, name: str) -> Response:
        """Publish a version; content that an earlier version has already answers 200 with that one."""
        prompt = prompt_by_name(self.project, name=name)
        body = self.checked(VersionBody, _without_names(request.data))
        content = version_content(self.project, body)

        def act() -> Answer:
            published = version_publish(prompt, content=content, message=body["message"], author=self.actor.person)
            return Answer(201 if published.created else 200, version_shown(prompt, published.version))

        return _answered(lambda: self.once(act))


def version_content(project: Project, body: dict[str, Any]) -> VersionContent:
    """The content in a checked body. Raises ApiProblem when the connection is not there."""
    model = body.get("model") or {}
    connection = named_connection(project, model.get("connection", ""))
    messages = body["messages"] if "messages" in body else [{"role": "user", "content": body["text"]}]
    return VersionContent(
        messages=[Message(part["role"], part["content"]) for part in messages],
        connection=connection,
        model=model.get("model", ""),
        temperature=model.get("temperature"),
        max_tokens=model.get("max_tokens"),
        options=model.get("options", {}),
        output_schema=body.get("output_schema"),
    )


def _without_names(body: Any) -> Any:
    """The body of a new prompt may be sent again as it is: what only a prompt has is left out."""
    if not isinstance(body, dict):
        return body
    return {key: value for key, value in body.items() if key not in {"name", "kind", "tags"}}


def _answered(act: Any) -> Response:
    try:
        answer: Response = act()
    except PromptProblem as problem:
        code = "name_taken" if isinstance(problem, PromptNameTaken) else "invalid"
        status = 409 if isinstance(problem, PromptNameTaken) else 422
        fields = [{"field": problem.field, "message": problem.message}]
        raise ApiProblem(code, problem.message, http_status=status, fields=fields) from problem
    return answer
