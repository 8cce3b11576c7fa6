"""Rules of the house that an import linter cannot see."""

from __future__ import annotations

import ast
import inspect
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from llmops.celery import app as celery

ROOT = Path(settings.BASE_DIR)
PACKAGES = ("llmops", "prompts_app", "evals_app", "monitoring_app")
SOURCES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts
)
SERVICES = [path for path in SOURCES if "services" in path.parts]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
FORBIDDEN_MODULES = {"utils", "helpers", "common", "misc", "manager", "data", "info", "process"}
DATABASE_ERRORS = {"IntegrityError", "DatabaseError", "OperationalError"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _our_tasks() -> list[str]:
    celery.autodiscover_tasks([config.name for config in apps.get_app_configs()], force=True)
    return sorted(name for name in celery.tasks if not name.startswith("celery."))


def test_tasks_have_name_queue_time_limit_and_take_ids_by_keyword() -> None:
    assert _our_tasks(), "no task was found"
    for name in _our_tasks():
        task = celery.tasks[name]
        assert name.count(".") == 1, f"{name}: give it an explicit name like app.verb_phrase"
        assert any(fnmatch(name, pattern) for pattern in settings.CELERY_TASK_ROUTES), f"{name}: give it a queue"
        assert task.time_limit, name
        parameters = list(inspect.signature(task.run).parameters.values())
        assert parameters[-1].kind is inspect.Parameter.VAR_KEYWORD, f"{name}: take **_future"
        assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters[:-1]), name


def test_the_schedule_names_real_tasks() -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(_our_tasks())


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_modules_are_named_for_what_they_hold(path: Path) -> None:
    assert path.stem not in FORBIDDEN_MODULES


@pytest.mark.parametrize("path", SERVICES, ids=_name)
def test_services_never_save_whole_rows_that_may_have_changed(path: Path) -> None:
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "save"):
            continue
        named = {keyword.arg for keyword in call.keywords}
        assert named & {"update_fields", "force_insert", "using"}, f"{_name(path)}:{call.lineno}: name update_fields"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_database_errors_are_caught_outside_of_the_transaction(path: Path) -> None:
    for block in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.With | ast.AsyncWith)):
        if not any("atomic" in ast.dump(item.context_expr) for item in block.items):
            continue
        for handler in (node for part in block.body for node in ast.walk(part) if isinstance(node, ast.Try)):
            caught = {
                name.id
                for each in handler.handlers
                if each.type
                for name in ast.walk(each.type)
                if isinstance(name, ast.Name)
            }
            inner = any("atomic" in ast.dump(part) for part in handler.body)
            assert inner or not caught & DATABASE_ERRORS, f"{_name(path)}:{handler.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_partials_named_in_code_are_in_the_named_template_under_the_same_id(path: Path) -> None:
    for template, partial in re.findall(r"\"([\w/]+\.html)#([\w-]+)\"", path.read_text()):
        text = (ROOT / "templates" / template).read_text()
        assert re.search(rf"partialdef {partial}\b", text), f"{template} has no partial {partial}"
        assert partial.endswith("-row") or f'id="{partial}"' in text, f"{template}: no element has the id {partial}"


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_pages_hold_no_script_style_or_foreign_address(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), "inline script"
    assert not re.search(r"\son\w+=\"", text), "inline handler"
    assert not re.search(r"\sstyle=|<style", text), "inline style"
    assert not re.search(r"(?:src|href)=\"https?://", text), "address of another host"


def test_migrations_are_complete(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_decisions_are_numbered_once_and_listed() -> None:
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [path.name[:4] for path in records]
    assert len(set(numbers)) == len(numbers)
    index = (ROOT / "docs/adr/README.md").read_text()
    assert all(path.name in index for path in records)


def test_words_to_avoid_are_not_in_the_pages() -> None:
    avoid = {
        word.strip().split(" (")[0]
        for line in (ROOT / "CONTEXT.md").read_text().splitlines()
        if line.startswith("|") and line.count("|") == 4
        for word in line.split("|")[3].split(",")
    } - {
        "avoid",
        "",
        "---",
        "revision",
        "check",
        "row",
        "item",
        "label",
        "template",
        "output row",
        "lock",
        "job",
        "sample",
        "example",
    }
    found = {
        f"{_name(path)}: {word}"
        for path in TEMPLATES
        for word in avoid
        if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", _visible(path.read_text()), re.IGNORECASE)
    }
    assert found == set()


def _visible(text: str) -> str:
    """The text of a template that people read: no tags of either language, no attributes but labels."""
    return re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", text, flags=re.DOTALL)
