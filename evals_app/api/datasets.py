"""REST of datasets and cases."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from evals_app.api.serializers import (
    CaseBody,
    CasesBody,
    CaseShown,
    CasesStored,
    DatasetBody,
    DatasetShown,
    case_row,
)
from evals_app.engine.case_files import CaseRow
from evals_app.models import CaseVersion, Dataset
from evals_app.selectors import case_count, cases_at, dataset_by_name, datasets_for_project
from evals_app.services import (
    CaseProblem,
    DatasetNameTaken,
    DatasetProblem,
    Stored,
    WrongCases,
    case_problems,
    cases_export,
    cases_put,
    dataset_archive,
    dataset_create,
    file_import,
)
from evals_app.services.exporting import EXPORT_TYPES, AsyncPieces, ExportRefused, Pieces, export_name
from evals_app.services.importing import MOST_FILE_BYTES, FileRefused
from llmops.core.access import Action
from llmops.core.api.base import ProjectAPIView
from llmops.core.api.description import IDEMPOTENCY_KEY
from llmops.core.api.errors import ApiProblem
from llmops.core.services import Answer

MOST_BODY_BYTES = MOST_FILE_BYTES + 1024 * 1024  # the form around a file


class DatasetList(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_DATASET}

    @extend_schema(operation_id="datasets_list", responses=DatasetShown(many=True))
    def get(self, request: Request) -> Response:
        """The project's datasets."""
        return self.page(datasets_for_project(self.project), dataset_shown)

    @extend_schema(
        operation_id="datasets_create", parameters=[IDEMPOTENCY_KEY], request=DatasetBody, responses={201: DatasetShown}
    )
    def post(self, request: Request) -> Response:
        """Make an empty dataset."""
        body = self.checked(DatasetBody)

        def act() -> Answer:
            dataset = dataset_create(project=self.project, author=self.actor.person, **body)
            return Answer(201, dataset_shown(dataset))

        try:
            return self.once(act)
        except DatasetProblem as problem:
            raise as_api_problem(problem) from problem


class DatasetDetail(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "DELETE": Action.EDIT_DATASET}

    @extend_schema(operation_id="datasets_read", responses=DatasetShown)
    def get(self, request: Request, name: str) -> Response:
        """One dataset."""
        return Response(dataset_shown(dataset_by_name(self.project, name=name)))

    @extend_schema(operation_id="datasets_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Archive a dataset: it leaves the lists, its runs stay."""
        dataset_archive(dataset_by_name(self.project, name=name))
        return Response(status=204)


class CaseList(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.EDIT_DATASET}

    @extend_schema(
        operation_id="cases_list",
        parameters=[OpenApiParameter("revision", int, description="As of this revision; without it, the newest.")],
        responses=CaseShown(many=True),
    )
    def get(self, request: Request, name: str) -> Response:
        """The cases of a dataset, in its order."""
        dataset = dataset_by_name(self.project, name=name)
        revision = _revision(request, dataset)
        return self.page(cases_at(dataset, revision=revision), case_shown, key="position")

    @extend_schema(
        operation_id="cases_create", parameters=[IDEMPOTENCY_KEY], request=CasesBody, responses={200: CasesStored}
    )
    def post(self, request: Request, name: str) -> Response:
        """Add cases and update those that are there, as one revision.

        A wrong row answers 422 and nothing is stored, unless `partial` is true: then the right ones are stored
        and `errors` lists the wrong ones. `row` counts from 0.
        """
        dataset = dataset_by_name(self.project, name=name)
        refuse_too_large(request)
        body = self.checked(CasesBody)
        rows, problems = _rows(body["cases"])
        good = [at for at, row in enumerate(rows) if row is not None]
        problems += [
            CaseProblem(good[found.row], found.field, found.message)
            for found in case_problems([row for row in rows if row is not None], dataset.input_schema)
        ]
        if problems and not body["partial"]:
            raise wrong_cases(WrongCases(sorted(problems)))
        wrong = {problem.row for problem in problems}
        kept = [row for at, row in enumerate(rows) if row is not None and at not in wrong]

        def act() -> Answer:
            stored = cases_put(dataset, kept, author=self.actor.person, message=body["message"])
            answer: dict[str, Any] = stored_shown(stored)
            if body["partial"]:
                answer["errors"] = [problem._asdict() for problem in sorted(problems)]
            return Answer(200, answer)

        try:
            return self.once(act)
        except DatasetProblem as problem:
            raise as_api_problem(problem) from problem


class DatasetImport(ProjectAPIView):
    actions: ClassVar = {"POST": Action.EDIT_DATASET}
    parser_classes: ClassVar = [MultiPartParser]

    @extend_schema(
        operation_id="datasets_import",
        parameters=[IDEMPOTENCY_KEY],
        request={
            "multipart/form-data": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "columns": {
                        "type": "string",
                        "description": 'Column map as JSON, for example {"Answer": "expected", "No.": "key"}.',
                    },
                },
            }
        },
        responses={200: CasesStored},
    )
    def post(self, request: Request, name: str) -> Response:
        """Import a CSV, JSONL or XLSX file. A wrong row answers 422 with its line number and nothing is stored."""
        dataset = dataset_by_name(self.project, name=name)
        refuse_too_large(request)
        upload = request.FILES.get("file")
        if upload is None:
            message = "Send the file as the form field “file”."
            raise ApiProblem("invalid", message, fields=[{"field": "file", "message": message}])

        def act() -> Answer:
            stored = file_import(
                dataset,
                upload.file,
                filename=upload.name or "",
                column_map=request.data.get("columns", ""),
                author=self.actor.person,
            )
            return Answer(200, stored_shown(stored))

        try:
            return self.once(act)
        except FileRefused as refused:
            raise ApiProblem(
                "wrong_file", refused.message, fields=[{"field": "file", "message": refused.message}]
            ) from refused
        except WrongCases as wrong:
            raise wrong_cases(wrong) from wrong
        except DatasetProblem as problem:
            raise as_api_problem(problem) from problem


class DatasetExport(ProjectAPIView):
    actions: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="datasets_export",
        parameters=[
            OpenApiParameter("format", str, enum=list(EXPORT_TYPES), description="csv when left out."),
            OpenApiParameter("revision", int),
        ],
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, name: str) -> StreamingHttpResponse:
        """All cases as a file that imports again without loss."""
        dataset = dataset_by_name(self.project, name=name)
        file_format = request.query_params.get("format", "csv")
        if file_format not in EXPORT_TYPES:
            raise ApiProblem("invalid", f"format is one of {', '.join(EXPORT_TYPES)}.", http_status=400)
        revision = _revision(request, dataset)
        try:
            file = cases_export(dataset, revision=revision, file_format=file_format)
        except ExportRefused as refused:
            raise ApiProblem("cannot_export", refused.message) from refused
        filename = export_name(dataset, revision=revision, file_format=file_format)
        return StreamingHttpResponse(
            AsyncPieces(file) if isinstance(request._request, ASGIRequest) else Pieces(file),
            content_type=EXPORT_TYPES[file_format],
            headers={"Content-Disposition": content_disposition_header(True, filename) or ""},
        )

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """`format` names the file here, not the renderer."""
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type


def dataset_shown(dataset: Dataset) -> dict[str, Any]:
    n_cases = getattr(dataset, "n_cases", None)
    return {
        "name": dataset.name,
        "description": dataset.description,
        "revision": dataset.revision,
        "n_cases": case_count(dataset) if n_cases is None else n_cases,
        "columns": dataset.columns,
        "updated_at": dataset.updated_at.isoformat(),
    }


def case_shown(version: CaseVersion) -> dict[str, Any]:
    return {
        "id": str(version.case_id),
        "key": version.case.key or None,
        "inputs": version.inputs,
        "expected": version.expected,
        "reference": version.reference,
        "previous": version.previous,
        "feedback": version.feedback,
        "tags": version.tags,
        "group": version.group or None,
        "metadata": version.metadata,
    }


def stored_shown(stored: Stored) -> dict[str, Any]:
    return {
        "revision": stored.revision,
        "added": stored.added,
        "updated": stored.updated,
        "unchanged": stored.unchanged,
    }


def wrong_cases(wrong: WrongCases) -> ApiProblem:
    fields = [problem._asdict() for problem in wrong.problems]
    listed = len({problem.row for problem in wrong.problems})
    where = "See fields." if listed == wrong.n_rows else f"The first {listed:,} are in fields."
    return ApiProblem("wrong_rows", f"{wrong} {where}", fields=fields)


def as_api_problem(problem: DatasetProblem) -> ApiProblem:
    taken = isinstance(problem, DatasetNameTaken)
    return ApiProblem(
        "name_taken" if taken else "invalid",
        problem.message,
        http_status=409 if taken else 422,
        fields=[{"field": problem.field, "message": problem.message}],
    )


def refuse_too_large(request: Request) -> None:
    """Raises ApiProblem (413) for a body that is too large by its own word, before it is read."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BODY_BYTES:
        most = MOST_FILE_BYTES // 1024**2
        message = f"This has more than {most} MB. Split it and send one part after the other."
        raise ApiProblem("too_large", message, http_status=413)


def _rows(bodies: list[dict[str, Any]]) -> tuple[list[CaseRow | None], list[CaseProblem]]:
    rows: list[CaseRow | None] = []
    problems: list[CaseProblem] = []
    for at, body in enumerate(bodies):
        serializer = CaseBody(data=body)
        if serializer.is_valid():
            rows.append(case_row(dict(serializer.validated_data)))
            continue
        rows.append(None)
        problems += [CaseProblem(at, str(name), _sentence(detail)) for name, detail in serializer.errors.items()]
    return rows, problems


def _sentence(detail: Any) -> str:
    if isinstance(detail, dict):
        return " ".join(f"{name}: {_sentence(below)}" for name, below in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentence(below) for below in detail)
    return str(detail)


def _revision(request: Request, dataset: Dataset) -> int:
    text = request.query_params.get("revision", str(dataset.revision))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= dataset.revision):
        message = f"revision must be a number from 0 to {dataset.revision}."
        raise ApiProblem("invalid", message, http_status=400)
    return int(text)
