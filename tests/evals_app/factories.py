"""Real projects, prompts, datasets and runs, made through the services that pages and the API use."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from asgiref.sync import async_to_sync
from django.db import connection as database

from evals_app.engine.case_files import CaseRow
from evals_app.models import Dataset, EvaluatorVersion, Result, Run, Score
from evals_app.services import RunSettings, cases_put, dataset_create, evaluator_create, run_create
from evals_app.services.pump import Pump, PumpReport
from llmops.core.models import Connection, ModelCall, ModelPrice, Project
from llmops.core.services import ConnectionSettings, connection_create, project_create
from llmops.providers.base import Message, Vendor
from llmops.providers.gateway import Limiter
from llmops.providers.limits import Unlimited
from prompts_app.choices import PromptKind
from prompts_app.models import PromptVersion
from prompts_app.services import VersionContent, prompt_create

_numbers = itertools.count(1)


@dataclass(frozen=True)
class World:
    """One project in which runs can be started: a prompt that repeats `{{text}}`, cases, an exact metric."""

    project: Project
    connection: Connection
    version: PromptVersion
    dataset: Dataset
    exact: EvaluatorVersion

    def run(self, **settings: Any) -> Run:
        wanted = {"dataset": self.dataset, "evaluators": [self.exact], "version": self.version, **settings}
        return run_create(project=self.project, wanted=RunSettings(**wanted))

    def prompt(self, model: str, *, connection: Connection | None = None, text: str = "{{text}}") -> PromptVersion:
        return prompt_create(
            project=self.project,
            name=f"prompt {next(_numbers)}",
            kind=PromptKind.CHAT,
            content=VersionContent([Message("user", text)], connection or self.connection, model),
        )

    def with_cases(self, texts: Sequence[str], *, expected: Sequence[str] | None = None) -> Dataset:
        dataset = dataset_create(project=self.project, name=f"dataset {next(_numbers)}")
        rows = zip(texts, expected or texts, strict=True)
        cases_put(dataset, [CaseRow(inputs={"text": text}, expected=right) for text, right in rows])
        dataset.refresh_from_db()
        return dataset

    def judge(self, model: str = "fixed:Grade: yes", **settings: Any) -> EvaluatorVersion:
        return evaluator_create(
            project=self.project,
            name=f"judge {next(_numbers)}",
            kind="rubric",
            **{
                "config": {"question": "Is it good?", "scale": "yes_no"},
                "connection": self.connection,
                "model": model,
                **settings,
            },
        )


def make_world(*, n_cases: int = 10, model: str = "echo", base_url: str = "") -> World:
    """A world whose prompt is answered by a practice model, or by the OpenAI-compatible server at `base_url`."""
    number = next(_numbers)
    project = project_create(name=f"World {number}", slug=f"world-{number}")
    vendor = Vendor.OPENAI_COMPATIBLE if base_url else Vendor.PRACTICE
    wanted = ConnectionSettings(name="models", vendor=vendor, base_url=base_url)
    connection = connection_create(project=project, wanted=wanted)
    version = prompt_create(
        project=project,
        name="echo",
        kind=PromptKind.CHAT,
        content=VersionContent([Message("user", "{{text}}")], connection, model),
    )
    dataset = dataset_create(project=project, name="cases")
    rows = [CaseRow(inputs={"text": f"text {at}"}, expected=f"text {at}") for at in range(n_cases)]
    cases_put(dataset, rows)
    dataset.refresh_from_db()
    exact = evaluator_create(project=project, name="Exact", kind="exact", config={})
    return World(project, connection, version, dataset, exact)


def set_price(model: str, usd_per_mtok: str, *, vendor: Vendor = Vendor.PRACTICE) -> None:
    """From now on a million tokens of this model cost so much, in and out."""
    ModelPrice.objects.create(
        vendor=vendor,
        model=model,
        input_usd_per_mtok=Decimal(usd_per_mtok),
        output_usd_per_mtok=Decimal(usd_per_mtok),
        source="test",
    )


def expire_leases(run: Run) -> int:
    """What the passing of time does to the leases of a worker that died. Returns how many rows were leased.

    Time waits for nobody's locks, so rows that somebody is changing are left out: waiting could end in a deadlock.
    """
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE evals_app_result SET lease_until = now() - interval '1 second' WHERE id IN ("
            "  SELECT id FROM evals_app_result WHERE run_id = %s AND state = 'running' FOR UPDATE SKIP LOCKED)",
            [run.pk],
        )
        return cursor.rowcount


def leased(run: Run) -> int:
    return Result.objects.filter(run=run, state="running").count()


def states_of(run: Run) -> dict[str, int]:
    """How many results of the run are in which state, from the rows."""
    found: dict[str, int] = {}
    for state in Result.objects.filter(run=run).values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def calls_of(run: Run) -> list[ModelCall]:
    return list(ModelCall.objects.filter(run_id=run.pk).order_by("started_at", "id"))


def scores_of(run: Run) -> list[Score]:
    return list(Score.objects.filter(run=run).order_by("result_id", "evaluator_version_id"))


async def drive_async(*, for_s: float = 20.0, limiter: Limiter | None = None) -> PumpReport:
    """One pump, as a worker would run it."""
    return await Pump(limiter=limiter or Unlimited()).drive(for_s=for_s)


def drive(*, for_s: float = 20.0, limiter: Limiter | None = None) -> PumpReport:
    """One pump to its end. Database work is done in this thread."""
    return async_to_sync(drive_async)(for_s=for_s, limiter=limiter)
