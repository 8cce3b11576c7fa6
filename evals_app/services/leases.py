"""Claiming, renewing and giving back planned results, in SQL: rows are the truth of what is left to do.

Every claim of a run locks the run's row for its short transaction, so that the number of leased rows never
exceeds the run's concurrency, however many workers claim. Times are the database's, so clocks need not agree.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from evals_app.choices import RunState
from llmops.core.services import calls_orphan

BITE = 25
"""Rows taken from one run at once: small enough that two workers share a run evenly."""

MOST_LEASES = 3
"""A result whose worker died this often is given up, so that one poisonous case cannot stop the others."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One leased row with what is needed to answer and mark it."""

    result_id: int
    run_id: int
    inputs: Mapping[str, str]
    expected: str | None
    reference: str | None
    previous: str | None
    feedback: str | None
    answered: bool
    output: str
    n_leases: int
    scored_by: Collection[int]
    """Ids of the evaluator versions whose marks are there already."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A row that goes back to the plan unanswered; not tried again before `wait_s` seconds."""

    result_id: int
    wait_s: float


_OPEN_RUNS = """
    SELECT run.id, run.concurrency,
           (SELECT count(*) FROM evals_app_result AS leased
             WHERE leased.run_id = run.id AND leased.state = 'running' AND leased.lease_until >= now())
      FROM evals_app_run AS run
     WHERE run.state IN ('queued', 'running')
       AND EXISTS (SELECT 1 FROM evals_app_result AS open
                    WHERE open.run_id = run.id
                      AND (open.state = 'pending' AND (open.not_before IS NULL OR open.not_before <= now())
                           OR open.state = 'running' AND open.lease_until < now()))
     ORDER BY 3, run.id
     LIMIT 100
"""
_LOCK_RUN = """
    SELECT run.state, run.concurrency, run.budget_usd, run.spent_usd,
           (SELECT count(*) FROM evals_app_result AS leased
             WHERE leased.run_id = run.id AND leased.state = 'running' AND leased.lease_until >= now())
      FROM evals_app_run AS run WHERE run.id = %s FOR UPDATE
"""
_CLAIM = """
    WITH picked AS (
        SELECT id, state = 'running' AS expired
          FROM evals_app_result
         WHERE run_id = %s
           AND (state = 'pending' AND (not_before IS NULL OR not_before <= now())
                OR state = 'running' AND lease_until < now())
         ORDER BY position, repeat
         LIMIT %s
           FOR UPDATE SKIP LOCKED)
    UPDATE evals_app_result AS result
       SET state = 'running', lease_owner = %s, lease_until = now() + make_interval(secs => %s),
           n_leases = result.n_leases + 1, not_before = NULL
      FROM picked, evals_app_caseversion AS content
     WHERE result.id = picked.id AND content.id = result.case_version_id
    RETURNING result.id, picked.expired, content.inputs, content.expected, content.reference, content.previous,
              content.feedback, result.answered_at IS NOT NULL, result.output, result.n_leases,
              CASE WHEN result.answered_at IS NULL THEN '{}'
                   ELSE ARRAY(SELECT score.evaluator_version_id FROM evals_app_score AS score
                               WHERE score.result_id = result.id AND score.source IN ('code', 'judge'))
               END
"""


def results_claim(*, owner: UUID, most: int) -> list[Claimed]:
    """Lease up to `most` rows over all runs, the run with the fewest leased rows first.

    Each run gives at most a fair share and a bite. One transaction for each run. A run at its budget is
    stopped instead. Attempts that were in flight under an expired lease are marked orphaned.
    """
    if most <= 0:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_RUNS)
        waiting = [run_id for run_id, concurrency, leased in cursor.fetchall() if leased < concurrency]
    claimed: list[Claimed] = []
    for at, run_id in enumerate(waiting):
        share = -(-(most - len(claimed)) // (len(waiting) - at))
        claimed += _claim_from_run(run_id, owner=owner, most=min(share, BITE))
    return claimed


def leases_renew(*, owner: UUID) -> int:
    """Hold on to all rows of this owner for another lease. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE evals_app_result SET lease_until = now() + make_interval(secs => %s)"
            " WHERE lease_owner = %s AND state = 'running'",
            [settings.LEASE_S, owner],
        )
        return cursor.rowcount


def results_give_back(rows: Sequence[GivenBack], *, owner: UUID) -> None:
    """Return leased rows to the plan as if they had not been claimed."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE evals_app_result AS result"
            "   SET state = 'pending', lease_owner = NULL, lease_until = NULL,"
            "       n_leases = greatest(result.n_leases - 1, 0),"
            "       not_before = now() + make_interval(secs => back.wait_s)"
            "  FROM unnest(%s::bigint[], %s::double precision[]) AS back (id, wait_s)"
            " WHERE result.id = back.id AND result.lease_owner = %s AND result.state = 'running'",
            [[row.result_id for row in rows], [row.wait_s for row in rows], owner],
        )


def _claim_from_run(run_id: int, *, owner: UUID, most: int) -> list[Claimed]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK_RUN, [run_id])
        locked = cursor.fetchone()
        if locked is None:
            return []
        state, concurrency, budget_usd, spent_usd, leased = locked
        if state not in (RunState.QUEUED, RunState.RUNNING):
            return []
        if budget_usd is not None and spent_usd >= budget_usd:
            _stop_at_budget(cursor, run_id, budget_usd)
            return []
        cursor.execute(_CLAIM, [run_id, min(most, concurrency - leased), owner, settings.LEASE_S])
        rows = cursor.fetchall()
        calls_orphan(result_ids=[row[0] for row in rows if row[1]])
        if rows and state == RunState.QUEUED:
            cursor.execute(
                "UPDATE evals_app_run SET state = 'running', started_at = coalesce(started_at, now()) WHERE id = %s",
                [run_id],
            )
    return [_claimed(run_id, row) for row in rows]


def _claimed(run_id: int, row: tuple[Any, ...]) -> Claimed:
    result_id, _expired, inputs, *content = row
    return Claimed(result_id, run_id, json.loads(inputs), *content)


def _stop_at_budget(cursor: Any, run_id: int, budget_usd: Decimal) -> None:
    cursor.execute(
        "UPDATE evals_app_run SET state = 'stopping', reason = %s WHERE id = %s",
        [f"Stopped at its budget of ${budget_usd.normalize():f}. Raise the budget to go on.", run_id],
    )


def given_up(claimed: Claimed) -> bool:
    """Whether this row took its worker down with it too often to be tried again."""
    return claimed.n_leases > MOST_LEASES

