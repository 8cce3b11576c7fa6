"""What a pump needs to know of a run, loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals_app.models import EvaluatorVersion, Run, RunEvaluator
from llmops.core.encryption import KeyLost
from llmops.core.models import Connection
from llmops.core.services import credential_for, price_for
from llmops.providers.base import Credential, Vendor
from llmops.providers.gateway import Price
from prompts_app.models import PromptVersion


class PlanBroken(Exception):
    """The run cannot be carried on as things are; the message is for people and says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model to ask, with the key to do so and the price as it is now."""

    credential: Credential
    model: str
    price: Price | None


@dataclass(frozen=True, slots=True)
class PlannedEvaluator:
    """An evaluator version as a pump uses it.

    `judge` is None for code metrics and for judges that cannot be asked; `problem` says why not, if it is known.
    """

    version_id: int
    kind: str
    config: Mapping[str, Any]
    judge: Target | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run's frozen parts. `target` is None when nothing is asked of a model (uploaded answers)."""

    run_id: int
    project_id: int
    version: PromptVersion | None
    target: Target | None
    evaluators: tuple[PlannedEvaluator, ...]

    def targets(self) -> list[Target]:
        """All models that the run asks."""
        return [target for target in (self.target, *(each.judge for each in self.evaluators)) if target is not None]


def run_plan(run_id: int) -> RunPlan:
    """Load the plan of a run. Raises PlanBroken when its connection was removed or its key cannot be read."""
    run = Run.objects.select_related("prompt_version__connection", "prompt_version__prompt", "connection").get(
        pk=run_id
    )
    evaluators = (
        RunEvaluator.objects.filter(run=run)
        .select_related("evaluator_version__evaluator", "evaluator_version__connection")
        .order_by("position", "pk")
    )
    version = run.prompt_version
    connection = run.connection or (version.connection if version else None)
    model = run.model or (version.model if version else "")
    return RunPlan(
        run_id=run.pk,
        project_id=run.project_id,
        version=version,
        target=_target(connection, model) if version and connection else None,
        evaluators=tuple(_planned(row.evaluator_version) for row in evaluators),
    )


def _planned(version: EvaluatorVersion) -> PlannedEvaluator:
    judge, problem = None, ""
    if version.connection is not None:
        try:
            judge = _target(version.connection, version.model)
        except PlanBroken as broken:
            problem = f"The judge cannot be asked. {broken}"
    return PlannedEvaluator(version.pk, version.evaluator.kind, version.config, judge, problem)


def _target(connection: Connection, model: str) -> Target:
    if connection.archived_at is not None:
        raise PlanBroken(f"The connection “{connection.name}” was removed. Choose another one and start a new run.")
    try:
        credential = credential_for(connection)
    except KeyLost as lost:
        raise PlanBroken(f"The key of the connection “{connection.name}” cannot be read. {lost}") from lost
    return Target(credential, model, price_for(vendor=Vendor(connection.vendor), model=model))
