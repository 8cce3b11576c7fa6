"""docs/alerts.yml: every rule stays silent on good figures, fires on bad ones, and names figures that exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from llmops.core.services import BEAT, WORKER, heartbeat
from tests.evals_app.factories import drive, make_world

RULES: list[dict[str, Any]] = yaml.safe_load((Path(settings.BASE_DIR) / "docs/alerts.yml").read_text())["groups"][0][
    "rules"
]
Labels = dict[str, str]
Series = list[tuple[str, Labels, float]]

_SELECTOR = re.compile(r"([a-z_]+)(?:\{([^}]*)\})?(?:\[\w+\])?")
_MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
_TERM = re.compile(r"(max|sum)(?: by \(([\w, ]+)\))? ?\((.+)\)")


def fires(expression: str, series: Series) -> bool:
    """Whether a rule holds for these figures: aggregations and rates of selectors, a ratio of two, one comparison."""
    match = re.fullmatch(r"(.+) ([<>]) ([\d.]+)", expression)
    assert match, expression
    above, _, below = match[1].partition(" / ")
    value = number(above, series)
    if below:
        value = value / number(below, series) if number(below, series) else float("nan")
    return value > float(match[3]) if match[2] == ">" else value < float(match[3])


def number(term: str, series: Series) -> float:
    (found,) = vector(term, series) or [({}, float("nan"))]
    return found[1]


def vector(term: str, series: Series) -> list[tuple[Labels, float]]:
    if rate := re.fullmatch(r"rate\((.+)\)", term):
        return vector(rate[1], series)  # the figures given are those of the window
    if whole := _TERM.fullmatch(term):
        join: Callable[[list[float]], float] = max if whole[1] == "max" else sum
        kept = [name.strip() for name in (whole[2] or "").split(",") if name.strip()]
        groups: dict[tuple[str, ...], list[float]] = {}
        for labels, value in vector(whole[3], series):
            groups.setdefault(tuple(labels.get(name, "") for name in kept), []).append(value)
        return [(dict(zip(kept, key, strict=True)), join(values)) for key, values in groups.items()]
    selector = _SELECTOR.fullmatch(term)
    assert selector, f"not understood: {term}"
    matchers = _MATCHER.findall(selector[2] or "")
    return [
        (labels, value)
        for name, labels, value in series
        if name == selector[1]
        and all(
            re.fullmatch(wanted, labels.get(label, "")) if how == "=~" else labels.get(label) == wanted
            for label, how, wanted in matchers
        )
    ]


def selectors(expression: str) -> list[tuple[str, Labels]]:
    return [
        (name, {label: wanted for label, how, wanted in _MATCHER.findall(labels) if how == "="})
        for name, labels in re.findall(r"(llmops_[a-z_]+)(?:\{([^}]*)\})?", expression)
    ]


def _calls(**states: float) -> Series:
    return [("llmops_model_calls_last_hour", {"vendor": "openai", "state": name}, n) for name, n in states.items()]


def _requests(good: float, bad: float) -> Series:
    name = "llmops_http_requests_total"
    return [(name, {"status": "200", "route": "a"}, good), (name, {"status": "503", "route": "a"}, bad)]


def _seconds(each: float) -> Series:
    return [("llmops_http_request_seconds_sum", {}, 10 * each), ("llmops_http_request_seconds_count", {}, 10)]


def _one(name: str, value: float, **labels: str) -> Series:
    return [(name, labels, value)]


CASES: dict[str, tuple[Series, Series]] = {  # good figures, bad figures
    "LlmopsDown": (_one("up", 1, job="llmops"), _one("up", 0, job="llmops")),
    "LlmopsDatabaseDown": (
        _one("llmops_rows_up", 1, figures="run_figures"),
        _one("llmops_rows_up", 0, figures="run_figures"),
    ),
    "LlmopsBeatSilent": (
        _one("llmops_heartbeat_age_seconds", 9, process="beat")
        + _one("llmops_heartbeat_age_seconds", 999, process="worker"),
        _one("llmops_heartbeat_age_seconds", 300, process="beat"),
    ),
    "LlmopsWorkersSilent": (
        _one("llmops_heartbeat_age_seconds", 3, process="worker"),
        _one("llmops_heartbeat_age_seconds", 300, process="worker"),
    ),
    "LlmopsRunsStalled": (_one("llmops_runs_idle", 0), _one("llmops_runs_idle", 1)),
    "LlmopsQueueOld": (_one("llmops_queue_age_seconds", 60), _one("llmops_queue_age_seconds", 7200)),
    "LlmopsLeasesExpired": (_one("llmops_leases_expired", 0), _one("llmops_leases_expired", 2)),
    "LlmopsCallsOrphaned": (_calls(ok=900, orphaned=3), _calls(ok=900, orphaned=40)),
    "LlmopsVendorFails": (_calls(ok=90, error=10), _calls(ok=60, error=40)),
    "LlmopsSpendHigh": (
        _one("llmops_spend_usd_last_hour", 20, vendor="openai"),
        _one("llmops_spend_usd_last_hour", 30, vendor="openai")
        + _one("llmops_spend_usd_last_hour", 30, vendor="cohere"),
    ),
    "LlmopsErrors": (_requests(1000, 1), _requests(90, 10)),
    "LlmopsSlow": (_seconds(0.1), _seconds(3)),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_rule_is_silent_on_good_figures_and_fires_on_bad_ones(rule: dict[str, Any]) -> None:
    good, bad = CASES[rule["alert"]]
    assert not fires(rule["expr"], good)
    assert not fires(rule["expr"], []), "no figures are no alarm"
    assert fires(rule["expr"], bad)
    assert {"summary", "action"} <= rule["annotations"].keys()
    assert rule["labels"]["severity"] in ("page", "warn")
    assert re.fullmatch(r"\d+m", rule["for"])


@pytest.mark.django_db(transaction=True)
def test_rules_name_figures_and_labels_that_are_told() -> None:
    for name in (BEAT, WORKER):
        heartbeat(name)
    make_world(n_cases=1).run()
    drive()
    Client().get("/livez")
    told: dict[str, list[Labels]] = {}
    for family in text_string_to_metric_families(Client().get("/metrics").content.decode()):
        for sample in family.samples:
            told.setdefault(sample.name, []).append(sample.labels)
    for rule in RULES:
        for name, wanted in selectors(rule["expr"]):
            assert any(wanted.items() <= labels.items() for labels in told.get(name, [])), f"{name} {wanted}"
