"""Every address has a rule of access, and every row belongs to a project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db.models import ForeignKey, Model
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from llmops.core.access import SIGNED_IN, Action
from llmops.core.models import Project

OPEN_PAGES = {"start", "login", "logout", "livez", "readyz", "metrics", "gallery", "invitation"}
OPEN_PAGES |= {"password-forgotten", "password-reset"}
OWN_PAGES = {"project-new", "account", "account-password", "sign-in-remove", "sign-in-remove-others"}
OPEN_API = {"schema", "api-unknown"}
PROJECT_APPS = ("prompts_app", "evals_app", "monitoring_app")


def _patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, address)
        else:
            yield address, pattern


PAGES = [(address, pattern) for address, pattern in _patterns() if not address.startswith("api/")]
API = [(address, pattern) for address, pattern in _patterns() if address.startswith("api/")]


@pytest.mark.parametrize(("address", "pattern"), PAGES, ids=[address for address, _ in PAGES])
def test_every_page_has_an_access_rule(address: str, pattern: URLPattern) -> None:
    rule = getattr(_unwrapped(pattern.callback), "access_rule", "none")
    if address.startswith("p/<slug:project>/"):
        assert isinstance(rule, tuple), f"{address} is not wrapped in project_page()"
        assert all(isinstance(action, Action) for action in rule)
    elif rule == SIGNED_IN:
        assert pattern.name in OWN_PAGES, f"{address}: add it to OWN_PAGES knowingly"
    else:
        assert rule is None, f"{address} is outside of projects and not marked with open_page"
        assert pattern.name in OPEN_PAGES, f"{address}: add it to OPEN_PAGES knowingly"


@pytest.mark.parametrize(("address", "pattern"), API, ids=[address for address, _ in API])
def test_every_api_view_names_the_action_of_each_of_its_methods(address: str, pattern: URLPattern) -> None:
    if pattern.name in OPEN_API:
        return
    view: type[APIView] = pattern.callback.view_class  # type: ignore[attr-defined]
    methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
    assert methods, address
    assert set(getattr(view, "actions", {})) == methods, f"{address}: actions and methods differ"


def test_every_model_of_the_apps_reaches_a_project() -> None:
    lost = [
        model.__name__
        for name in PROJECT_APPS
        for model in apps.get_app_config(name).get_models()
        if not _reaches(model)
    ]
    assert lost == []


def test_foreign_keys_point_down() -> None:
    order = {"core": 0, "auth": 0, "contenttypes": 0, "prompts_app": 1, "evals_app": 2, "monitoring_app": 3}
    wrong = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey)
        and model._meta.app_label in order
        and order[field.related_model._meta.app_label] > order[model._meta.app_label]
    ]
    assert wrong == []


def _unwrapped(callback: Any) -> Any:
    while not hasattr(callback, "access_rule") and hasattr(callback, "__wrapped__"):
        callback = callback.__wrapped__
    return callback


def _reaches(model: type[Model], seen: frozenset[type[Model]] = frozenset()) -> bool:
    if model is Project:
        return True
    parents = [
        field.related_model
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and not field.null and field.related_model not in seen
    ]
    return any(_reaches(parent, seen | {model}) for parent in parents)
