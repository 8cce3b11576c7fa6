"""Whether the statements of a request depend on what other tenants have.

Two tenants hold rows that look the same. Each statement is kept while a request is answered, and later asked twice:
beside the other tenant's rows and without them. One that carries its tenant answers the same both times.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.db import Error, connection, transaction
from django.db.models import ForeignKey, Model

from llmops.core.models import ModelCall, Project
from llmops.core.models.project import Membership


class Asked(NamedTuple):
    """A statement, its parameters, and the request that it belongs to."""

    sql: str
    parameters: Any
    during: str


class Statements:
    """Keeps what a request asks the database, each statement once."""

    def __init__(self) -> None:
        self._kept: dict[str, Asked] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @contextlib.contextmanager
    def of(self, request: str) -> Iterator[None]:
        def keep(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
            if not many and sql.lstrip(" (\n").startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                self._kept.setdefault(f"{sql} {parameters!r}", Asked(sql, parameters, request))
            return execute(sql, parameters, many, context)

        with connection.execute_wrapper(keep):
            yield

    def dependent_on(self, other: Project) -> list[str]:
        """Statements that find something else, or change more rows, when the other tenant is there."""
        beside = [_answer(asked) for asked in self._kept.values()]
        with transaction.atomic():
            _take_away(other)
            without = [_answer(asked) for asked in self._kept.values()]
            transaction.set_rollback(True)
        return [
            f"{asked.during}: {asked.sql[:600]} with {asked.parameters!r}"
            for asked, one, two in zip(self._kept.values(), beside, without, strict=True)
            if one != two
        ]


def _answer(asked: Asked) -> object:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(asked.sql, asked.parameters)
            found = sorted(map(repr, cursor.fetchall())) if cursor.description else cursor.rowcount
            transaction.set_rollback(True)
    except Error as error:
        return type(error)
    return found


def _take_away(project: Project) -> None:
    """All rows of a project. Foreign keys are only looked at on commit, which never comes."""
    gone: list[tuple[type[Model], list[Any]]] = [
        (model, list(model._base_manager.filter(**{path: project}).values_list("pk", flat=True)))
        for model in apps.get_models()
        if (path := _path_to_project(model))
    ]
    gone += [(ModelCall, list(ModelCall.objects.filter(project_id=project.pk).values_list("pk", flat=True)))]
    gone += [(Project, [project.pk])]
    assert {Membership, ModelCall, *apps.get_app_config("evals_app").get_models()} <= {model for model, _ in gone}
    for model, keys in gone:
        found = model._base_manager.filter(pk__in=keys)
        found._raw_delete(found.db)


def _path_to_project(model: type[Model], seen: frozenset[type[Model]] = frozenset()) -> str:
    """The look-up that leads from a row to its project: `dataset__project`; empty when there is none."""
    for field in model._meta.get_fields():
        if not isinstance(field, ForeignKey) or field.null or field.related_model in seen:
            continue
        if field.related_model is Project:
            return field.name
        if further := _path_to_project(field.related_model, seen | {model}):
            return f"{field.name}__{further}"
    return ""
