"""Evaluators: made, changed (a new version), archived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from evals_app.engine import KINDS, ConfigError
from evals_app.models import Evaluator, EvaluatorVersion
from evals_app.services.case_checks import is_storable, texts_in
from llmops.core.choices import AuditKind
from llmops.core.models import Connection, Project, User
from llmops.core.naming import name_problem
from llmops.core.services import audit_note
from llmops.core.services.archiving import row_archive, row_unarchive

DEFAULT_MARGIN = 2.0
MOST_MODEL_CHARS = 200
RESERVED_NAMES = ("kinds",)  # /api/v1/evaluators/kinds/


class EvaluatorProblem(ValueError):
    """An evaluator that cannot be as asked; says which field and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class EvaluatorNameTaken(EvaluatorProblem):
    """There is an evaluator of this name in the project already."""


def evaluator_create(
    *,
    project: Project,
    name: str,
    kind: str,
    config: Mapping[str, Any],
    connection: Connection | None = None,
    model: str = "",
    margin: float = DEFAULT_MARGIN,
    author: User | None = None,
) -> EvaluatorVersion:
    """Make an evaluator with its version 1, in one transaction. Raises EvaluatorProblem, EvaluatorNameTaken."""
    if problem := name_problem(name):
        raise EvaluatorProblem("name", problem)
    if name in RESERVED_NAMES:
        raise EvaluatorProblem("name", f"“{name}” is an address of the platform. Choose another name.")
    columns = _checked_columns(kind, config, connection, model, margin)
    try:
        with transaction.atomic():
            evaluator = Evaluator.objects.create(project=project, name=name, kind=kind, created_by=author)
            audit_note(
                AuditKind.METRIC, "made", f"made the metric “{name}”", project_id=project.pk, after={"kind": kind}
            )
            return EvaluatorVersion.objects.create(evaluator=evaluator, number=1, created_by=author, **columns)
    except IntegrityError as taken:
        raise _name_taken(project, name) from taken


def evaluator_change(
    evaluator: Evaluator,
    *,
    config: Mapping[str, Any],
    connection: Connection | None = None,
    model: str = "",
    margin: float = DEFAULT_MARGIN,
    author: User | None = None,
) -> EvaluatorVersion:
    """Add a version, or give the newest back when nothing differs. Locks the evaluator's row."""
    columns = _checked_columns(evaluator.kind, config, connection, model, margin)
    with transaction.atomic():
        Evaluator.objects.select_for_update().get(pk=evaluator.pk)
        newest = EvaluatorVersion.objects.filter(evaluator=evaluator).order_by("-number").first()
        if newest is not None and all(getattr(newest, name) == value for name, value in columns.items()):
            return newest
        number = (newest.number if newest else 0) + 1
        what = f"saved version {number} of the metric “{evaluator.name}”"
        audit_note(AuditKind.METRIC, "changed", what, project_id=evaluator.project_id)
        return EvaluatorVersion.objects.create(evaluator=evaluator, number=number, created_by=author, **columns)


def evaluator_archive(evaluator: Evaluator) -> None:
    """Take an evaluator out of the lists; its scores stay. Idempotent."""
    row_archive(evaluator, AuditKind.METRIC)


def evaluator_unarchive(evaluator: Evaluator) -> None:
    """Bring an archived evaluator back. Idempotent."""
    row_unarchive(evaluator, AuditKind.METRIC)


def evaluator_draft(
    *,
    kind: str,
    config: Mapping[str, Any],
    connection: Connection | None = None,
    model: str = "",
    margin: float = DEFAULT_MARGIN,
) -> EvaluatorVersion:
    """An evaluator that is checked and not stored, to try it out. Raises EvaluatorProblem."""
    columns = _checked_columns(kind, config, connection, model, margin)
    return EvaluatorVersion(evaluator=Evaluator(kind=kind), number=0, **columns)


def _checked_columns(
    kind: str, config: Mapping[str, Any], connection: Connection | None, model: str, margin: float
) -> dict[str, Any]:
    if kind not in KINDS:
        raise EvaluatorProblem("kind", f"There is no kind of metric called “{kind}”. There are: {', '.join(KINDS)}.")
    try:
        KINDS[kind].check_config(config)
    except ConfigError as wrong:
        raise EvaluatorProblem(f"config.{wrong.field}" if wrong.field else "config", wrong.message) from wrong
    if len(model) > MOST_MODEL_CHARS:
        raise EvaluatorProblem("config.model", f"A model's name has at most {MOST_MODEL_CHARS} characters.")
    if not all(map(is_storable, [model, *texts_in(config)])):
        raise EvaluatorProblem("config", "The settings hold a character that cannot be stored. Take it out.")
    model = model or (connection.default_model if connection is not None else "")
    if connection is not None and not model:
        raise EvaluatorProblem("config.model", "Choose the model that judges.")
    if not 0 <= margin <= 100:
        raise EvaluatorProblem("margin", "The margin is a number of points from 0 to 100.")
    return {
        "config": dict(config),
        "connection": connection,
        "model": model,
        "value_type": str(KINDS[kind].value_type(config)),
        "direction": str(KINDS[kind].direction),
        "margin": margin,
    }


def _name_taken(project: Project, name: str) -> EvaluatorNameTaken:
    if Evaluator.objects.filter(project=project, name=name, archived_at__isnull=False).exists():
        message = f"An archived metric is called “{name}”. Bring that one back, or choose another name."
        return EvaluatorNameTaken("name", message)
    return EvaluatorNameTaken("name", f"There is already a metric called “{name}”. Choose another name.")
