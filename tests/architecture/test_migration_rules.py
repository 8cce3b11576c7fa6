"""Migrations run while people work with the last release: what would hold them up or break that release is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, RemoveIndexConcurrently
from django.db import connection, migrations, models
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.architecture.test_code_rules import PACKAGES

LOADER = MigrationLoader(None)
OWN = sorted((each for each in LOADER.disk_migrations.values() if each.__module__.split(".")[0] in PACKAGES), key=str)
BEFORE_ALL_RELEASES = {"evals_app.0002_run_summaries", "evals_app.0003_current_cases"}
"""No table had rows yet that anybody would miss."""

_GONE_FOR_THE_LAST_RELEASE = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.AlterModelTable,
)


def problems(migration: Migration) -> Iterator[str]:
    """What is wrong with it, one sentence each."""
    node = (migration.app_label, migration.name)
    known = node in LOADER.graph.nodes
    state = LOADER.project_state(node if known else LOADER.graph.leaf_nodes(node[0])[0], at_end=not known)
    made_here = {each.name.lower() for each in migration.operations if isinstance(each, migrations.CreateModel)}
    for operation in migration.operations:
        table = getattr(operation, "model_name", "").lower()
        problem = _problem(operation, migration, on_new_table=table in made_here)
        if problem and not (
            isinstance(operation, migrations.AlterField) and _changes_no_column(operation, node, state)
        ):
            yield f"{operation.describe()}: {problem}"
        operation.state_forwards(node[0], state)


def _changes_no_column(operation: migrations.AlterField, node: tuple[str, str], state: ProjectState) -> bool:
    """Such as other choices or another help text, which only Python knows."""
    later = state.clone()
    operation.state_forwards(node[0], later)
    before, after = (
        each.apps.get_model(node[0], operation.model_name)._meta.get_field(operation.name) for each in (state, later)
    )
    return not DatabaseSchemaEditor(connection)._field_should_be_altered(before, after)


def _problem(operation: Operation, migration: Migration, *, on_new_table: bool) -> str:
    match operation:
        case migrations.RunSQL() | migrations.RunPython() if not operation.reversible:
            return "say how it is taken back"
        case migrations.RunPython() if len(migration.operations) > 1:
            return "move data in a migration of its own, so that no table stays locked meanwhile"
        case _ if on_new_table:
            return ""
        case _ if isinstance(operation, _GONE_FOR_THE_LAST_RELEASE):
            return "the last release still asks for it: leave it for a release, then remove it from here by name"
        case migrations.AddField() if not (operation.field.null or operation.field.has_db_default()):
            return "the last release does not fill it: allow null or give it a db_default"
        case AddIndexConcurrently() | RemoveIndexConcurrently():
            return "" if not migration.atomic else "set atomic = False"
        case migrations.AddIndex() | migrations.RemoveIndex():
            return (
                "nobody can write meanwhile: use AddIndexConcurrently or RemoveIndexConcurrently, with atomic = False"
            )
        case AddConstraintNotValid():
            return ""
        case migrations.AddConstraint():
            return "every row is read meanwhile: use AddConstraintNotValid, then ValidateConstraint in the next one"
        case migrations.AlterField():
            return "it may write every row anew: add another field"
    return ""


@pytest.mark.parametrize("migration", OWN, ids=str)
def test_a_migration_holds_nobody_up_and_leaves_the_last_release_working(migration: Migration) -> None:
    found = list(problems(migration))
    assert bool(found) is (str(migration) in BEFORE_ALL_RELEASES), found


def test_every_app_of_ours_is_looked_at() -> None:
    assert {each.app_label for each in OWN} >= {"core", "prompts_app", "evals_app"}


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (migrations.RunSQL("SELECT 1"), "taken back"),
        (migrations.RunPython(lambda apps, editor: None), "taken back"),
        (migrations.RemoveField("run", "label"), "last release"),
        (migrations.RenameField("run", "label", "name"), "last release"),
        (migrations.DeleteModel("run"), "last release"),
        (migrations.AddField("run", "label", models.TextField(default="")), "db_default"),
        (migrations.AddIndex("run", models.Index(fields=["label"], name="run_label")), "Concurrently"),
        (AddIndexConcurrently("run", models.Index(fields=["label"], name="run_label")), "atomic"),
        (
            migrations.AddConstraint("run", models.UniqueConstraint(fields=["label"], name="run_label_once")),
            "NotValid",
        ),
        (migrations.AlterField("run", "label", models.CharField(max_length=9)), "another field"),
    ],
)
def test_what_would_do_harm_is_found(operation: Operation, words: str) -> None:
    assert words in " ".join(problems(_of(operation)))


@pytest.mark.parametrize(
    "operations",
    [
        [migrations.AddField("run", "label", models.TextField(db_default=""))],
        [migrations.AddField("run", "label", models.TextField(null=True))],
        [migrations.AlterField("run", "label", models.CharField(max_length=200, blank=True, help_text="New words"))],
        [migrations.RunSQL("SELECT 1", "SELECT 2")],
        [
            migrations.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True))]),
            migrations.AddIndex("tag", models.Index(fields=["id"], name="tag_id")),
        ],
    ],
)
def test_what_does_no_harm_passes(operations: list[Operation]) -> None:
    assert list(problems(_of(*operations))) == []


def _of(*operations: Operation) -> Migration:
    migration = Migration("0009_sample", "evals_app")
    migration.operations = list(operations)
    return migration
