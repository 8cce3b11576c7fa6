"""R36: whatever stands in an address or a form, nothing breaks, and every statement carries its tenant."""

from __future__ import annotations

import base64
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from django.conf import settings
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from evals_app.models import Case, Result, Run
from llmops.core.choices import Role, Scope
from tests.jobs.conftest import FULL
from tests.security.access_table import PAGES
from tests.security.addresses import routes
from tests.security.tenancy import Statements
from tests.security.tenants import make_tenant

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

EXAMPLES = 50 if FULL else 2
ROUNDS = 30 if FULL else 2
_SOURCES = [
    path for app in ("llmops", "prompts_app", "evals_app") for path in (Path(settings.BASE_DIR) / app).rglob("*.py")
]
_PARAMETER = re.compile(
    r"(?:request\.GET|query_params)(?:\.get\(|\[)\"(\w+)\"|\(request, \"(\w+)\"|\"(\w+)\" in request\.GET"
)
_FIELD = re.compile(r"<(?:input|select|textarea)[^>]* name=\"([^\"]+)\"")
PARAMETERS = sorted(
    {name for path in _SOURCES for names in _PARAMETER.findall(path.read_text()) for name in names} - {""}
)
ODD = (
    *("", " ", "0", "-1", "1", "2", "01", "+1", "1.5", "1e3", "NaN", "²", "٣", "9" * 9, "9" * 10, "9" * 19, "9" * 40),
    *("x", "'", "''", '"', "' OR 1=1 --", "1; SELECT pg_sleep(9)", "%", "_", "\\", "%s", "%(x)s", "{0}", "{{x}}", "$1"),
    *("\x00", "a\x00b", "\x1f", "\x7f", "\ud800", "\udfff", "é", "🙂", "\u202e", "\ufeff", "ﬁ", "a" * 5_000),
    *("on", "true", "null", "None", "[]", "{}", '{"a": 1}', "[1, 2]", "2024-02-30", "2024-01-01T00:00:00Z"),
    *("name", "-name", "created_at", "project", "project_id", "project__slug", "pk__in", "dataset__project"),
    *("failed", "passed", "error", "exact", "rubric", "csv", "xlsx", "jsonl", "cards", "practice", "chat"),
    *("o~", "n~", "o~2024-01-01T00:00:00+00:00~1", "o~x~1", "o~2024-01-01~" + "9" * 30, "n~~~~", "o~infinity~1"),
    *("../", "/", "//x", "http://x", "javascript:x", "WyJ4Il0", "x:y:z", "0a" * 16),
)


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


VALUES = (*ODD, *map(_cursor, ODD))


class World:
    """Two tenants whose rows look the same, and what the first one's requests ask the database."""

    def __init__(self) -> None:
        self.mine, self.other = make_tenant("same"), make_tenant("same")
        for tenant in (self.mine, self.other):
            Run.objects.filter(pk=tenant.run.pk).update(state="finished")
            Result.objects.filter(run=tenant.run).update(state="done", output="same")
        self.key = self.mine.room.api(Scope.ALL).key
        self.browser = self.mine.room.member(Role.ADMIN)
        self.browser.raise_request_exception = False
        self.statements = Statements()

    def ask(self, client: Client, method: str, url: str, **extra: Any) -> tuple[int, str]:
        """Send a request, read its answer, and undo what it did."""
        with transaction.atomic(), self.statements.of(f"{method} {url}"):
            answer = client.generic(method, url, **extra)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            transaction.set_rollback(True)
        return answer.status_code, body.decode("utf-8", "replace")


@pytest.fixture
def world() -> World:
    return World()


def odd_pairs(dice: random.Random, names: list[str], world: World) -> str:
    """Some of these parameters, with odd values and with what belongs to the other tenant."""
    other = world.other
    theirs = (other.run.pk, other.case.pk, Result.objects.filter(run=other.run).values_list("pk", flat=True)[0])
    pairs = [
        (name, dice.choice((dice.choice(VALUES), dice.choice(ODD), str(dice.choice(theirs)))))
        for name in dice.choices(names, k=dice.randint(1, min(6, len(names))))
    ]
    return urlencode(pairs, errors="surrogatepass")


def test_r36_pages_take_any_parameter_and_keep_to_their_tenant(world: World) -> None:
    assert {"q", "tag", "at", "after", "show", "cursor", "limit", "format", "revision"} <= set(PARAMETERS)
    dice, wrong = random.Random(36), []
    for name, route in routes():
        page = PAGES.get(name)
        if page is None:
            continue
        url, names = world.mine.address(route), []
        if page.get:
            status, html = world.ask(world.browser, "GET", url)
            names = sorted(set(_FIELD.findall(html)) - {"csrfmiddlewaretoken"})
            for _ in range(ROUNDS):
                address = f"{url}?{odd_pairs(dice, PARAMETERS, world)}"
                status, _ = world.ask(world.browser, "GET", address, headers=dice.choice(({}, {"HX-Request": "true"})))
                wrong += [f"GET {address}: {status}"] * (status >= 500)
        if page.post:
            for _ in range(ROUNDS):
                body = odd_pairs(dice, names or PARAMETERS, world)
                form = {"data": body, "content_type": "application/x-www-form-urlencoded"}
                status, _ = world.ask(world.browser, "POST", url, **form)
                wrong += [f"POST {url} with {body}: {status}"] * (status >= 500)
    assert wrong == []
    assert len(world.statements) > 100
    assert world.statements.dependent_on(world.other.room.project) == []


def test_r36_a_zero_character_breaks_nothing_wherever_it_stands(world: World) -> None:
    """The database refuses it in every text, and random values seldom meet each parameter with it."""
    key, wrong = {"Authorization": f"Bearer {world.key}"}, []

    def ask(method: str, address: str) -> int:
        client = Client(raise_request_exception=False, headers=key) if address.startswith("/api/") else world.browser
        status, _ = world.ask(client, method, address, data=b"{}", content_type="application/json")
        wrong.extend([f"{method} {address}: {status}"] * (status >= 500))
        return status

    for name, route in routes():
        address = world.mine.address(route) if "<path:" not in route and name in PAGES else ""
        if address and PAGES[name].get:
            for names in [(name,) for name in PARAMETERS] if FULL else [("q", "tag")]:
                ask("GET", f"{address}?{urlencode(dict.fromkeys(names, 'a' + chr(0)))}")
        if "<str:" in route and "<path:" not in route:
            spoilt = re.sub(r"<slug:\w+>", world.mine.room.project.slug, re.sub(r"<str:\w+>", "a%00b", route))
            spoilt = "/" + re.sub(r"<\w+:\w+>", "1", spoilt)
            assert [ask(method, spoilt) for method in ("GET", "POST")] == [404, 404], spoilt
    assert wrong == []


def test_r36_the_api_takes_any_parameter_and_keeps_to_its_tenant(world: World) -> None:
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {world.key}"})
    description = Client().get("/api/schema/", headers={"Accept": "application/json"}).json()
    schema = schemathesis.openapi.from_dict(description)
    dice, wrong, statuses = random.Random(36), [], Counter[int]()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in GenerationMode:

            @hypothesis_settings(
                max_examples=EXAMPLES,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def try_it(case: schemathesis.Case) -> None:
                path = dice.choice((world.mine, world.mine, world.other)).address(case.operation.path.lstrip("/"))
                query = urlencode(case.query or {}, doseq=True, errors="surrogatepass")
                address = f"{path}?{query}&{odd_pairs(dice, PARAMETERS, world)}"
                body = json.dumps(case.body, default=str) if isinstance(case.body, dict | list | str | int) else ""
                status, _ = world.ask(
                    client, case.operation.method.upper(), address, data=body, content_type="application/json"
                )
                statuses[status] += 1
                wrong.extend([f"{case.operation.method} {address} with {body}: {status}"] * (status >= 500))

            try_it()
    assert wrong == []
    assert min(statuses[200], statuses[400] + statuses[422], statuses[404]) > 10, statuses
    assert world.statements.dependent_on(world.other.room.project) == []


def test_r36_a_statement_without_its_tenant_is_found(world: World) -> None:
    """What the other tests look for, planted: a row by its number alone, a count, an update."""
    mine, other = world.mine, world.other
    with world.statements.of("good"):
        assert Case.objects.filter(dataset__project=mine.room.project, pk=mine.case.pk).exists()
        assert not Case.objects.filter(dataset__project=mine.room.project, pk=other.case.pk).exists()
    assert world.statements.dependent_on(other.room.project) == []
    for leak in (
        lambda: list(Case.objects.filter(pk=other.case.pk)),
        lambda: Run.objects.filter(state="finished").count(),
        lambda: Run.objects.filter(state="finished").update(state="finished"),
    ):
        with world.statements.of("leak"):
            leak()
    assert len(world.statements.dependent_on(other.room.project)) == 3
