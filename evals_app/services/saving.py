"""Saving what a pump has brought in, in few statements and one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from evals_app.choices import ResultState, ScoreSource
from evals_app.engine import Mark
from evals_app.services.leases import GivenBack, results_give_back
from llmops.core.services import calls_begin, calls_finish
from llmops.providers.gateway import CallEnd, CallStart


@dataclass(frozen=True, slots=True)
class Answered:
    """What the model answered: saved as soon as it is there, so that it is never asked for again."""

    result_id: int
    output: str
    finish_reason: str
    latency_ms: int
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class NewScore:
    """A mark for a result, to be stored as a score."""

    evaluator_version_id: int
    source: ScoreSource
    mark: Mark


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a result: done with its scores, or an error with its reason."""

    result_id: int
    run_id: int
    project_id: int
    state: ResultState
    error_kind: str = ""
    reason: str = ""
    n_attempts: int = 0
    cost_usd: Decimal | None = None
    scores: Sequence[NewScore] = ()


@dataclass(slots=True)
class Harvest:
    """What has not been saved yet."""

    begun: list[CallStart] = field(default_factory=list)
    ended: list[tuple[CallStart, CallEnd]] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)
    given_back: list[GivenBack] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.begun or self.ended or self.answered or self.finished or self.given_back)


def harvest_save(harvest: Harvest, *, owner: UUID) -> None:
    """Save all of it in one transaction.

    Only rows still leased by `owner` change, so a worker that lost its lease overwrites nothing; saving the same
    harvest twice (after a lost connection) changes nothing the second time. Locks results, then runs by id.
    """
    with transaction.atomic():
        calls_begin(harvest.begun)
        spent = calls_finish(harvest.ended)
        _save_answers(harvest.answered, owner)
        finished = _save_ends(harvest.finished, owner)
        _save_scores([end for end in harvest.finished if end.result_id in finished])
        results_give_back(harvest.given_back, owner=owner)
        _count_up(spent, [end.run_id for end in harvest.finished if end.result_id in finished])


def _save_answers(rows: Sequence[Answered], owner: UUID) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE evals_app_result AS result"
            "   SET answered_at = clock_timestamp(), output = answer.output, finish_reason = answer.finish_reason,"
            "       latency_ms = answer.latency_ms, input_tokens = answer.input_tokens,"
            "       output_tokens = answer.output_tokens"
            "  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[], %s::int[])"
            "       AS answer (id, output, finish_reason, latency_ms, input_tokens, output_tokens)"
            " WHERE result.id = answer.id AND result.lease_owner = %s AND result.state = 'running'",
            [
                [row.result_id for row in rows],
                [storable(row.output) for row in rows],
                [row.finish_reason[:30] for row in rows],
                [row.latency_ms for row in rows],
                [row.input_tokens for row in rows],
                [row.output_tokens for row in rows],
                owner,
            ],
        )


def _save_ends(rows: Sequence[Finished], owner: UUID) -> set[int]:
    if not rows:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE evals_app_result AS result"
            "   SET state = ended.state, error_kind = ended.error_kind, reason = ended.reason,"
            "       n_attempts = result.n_attempts + ended.n_attempts,"
            "       cost_usd = CASE WHEN ended.cost_usd IS NULL THEN result.cost_usd"
            "                       ELSE coalesce(result.cost_usd, 0) + ended.cost_usd END,"
            "       finished_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL"
            "  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::int[], %s::numeric[])"
            "       AS ended (id, state, error_kind, reason, n_attempts, cost_usd)"
            " WHERE result.id = ended.id AND result.lease_owner = %s AND result.state = 'running'"
            " RETURNING result.id",
            [
                [row.result_id for row in rows],
                [str(row.state) for row in rows],
                [row.error_kind[:40] for row in rows],
                [storable(row.reason)[:1000] for row in rows],
                [row.n_attempts for row in rows],
                [row.cost_usd for row in rows],
                owner,
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def _save_scores(ends: Sequence[Finished]) -> None:
    rows: list[tuple[Any, ...]] = [
        (
            end.project_id,
            end.run_id,
            end.result_id,
            score.evaluator_version_id,
            str(score.source),
            str(score.mark.state),
            score.mark.value,
            storable(score.mark.label)[:200],
            storable(score.mark.reason)[:2000],
        )
        for end in ends
        for score in end.scores
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evals_app_score (project_id, run_id, result_id, evaluator_version_id, source, state,"
            "                             value, label, reason, created_at)"
            " SELECT score.*, clock_timestamp()"
            "   FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],"
            "               %s::double precision[], %s::text[], %s::text[]) AS score"
            " ON CONFLICT DO NOTHING",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _count_up(spent: dict[int, Decimal], finished_runs: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        for run_id in sorted(set(spent) | set(finished_runs)):
            cursor.execute(
                "UPDATE evals_app_run SET spent_usd = spent_usd + %s, n_finished = n_finished + %s WHERE id = %s",
                [spent.get(run_id, Decimal(0)), finished_runs.count(run_id), run_id],
            )


def storable(text: str) -> str:
    """Text as Postgres can keep it: without NUL and lone surrogates, which models do send at times."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
