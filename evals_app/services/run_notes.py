"""What the audit trail says of runs. Written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from evals_app.models import EvaluatorVersion, Run
from llmops.core.choices import AuditKind
from llmops.core.services import audit_note
from llmops.texts import dollars


def note_started(run: Run) -> None:
    version = run.prompt_version
    prompt = f" of “{version.prompt.name}” version {version.number}" if version is not None else ""
    _note(
        run,
        "started",
        f"started run {run.pk}{prompt} on “{run.dataset.name}” revision {run.revision}",
        answers=run.n_results,
        connection=run.connection.name if run.connection is not None else "",
        model=run.model,
        budget=_dollars(run.budget_usd),
    )


def note_uploaded(run: Run) -> None:
    what = f"sent answers made elsewhere as run {run.pk} on “{run.dataset.name}” revision {run.revision}"
    _note(run, "uploaded", what, answers=run.n_results)


def note_stopped(run: Run) -> None:
    _note(run, "stopped", f"stopped run {run.pk}")


def note_carried_on(run: Run, *, budget_usd: Decimal | None) -> None:
    _note(run, "carried_on", f"carried on run {run.pk}", budget=_dollars(budget_usd))


def note_marked_again(run: Run, evaluators: Sequence[EvaluatorVersion]) -> None:
    names = [f"{version.evaluator.name} (version {version.number})" for version in evaluators]
    _note(run, "marked_again", f"had the answers of run {run.pk} scored again", metrics=", ".join(names))


def _note(run: Run, action: str, what: str, **after: object) -> None:
    audit_note(AuditKind.RUN, action, what, project_id=run.project_id, after=after or None)


def _dollars(amount: Decimal | None) -> str:
    return "none" if amount is None else dollars(amount)
