"""Claiming, renewing and giving back planned results, in SQL: rows are the truth of what is left to do.

Every claim of a run locks the run's row for its short transaction and counts the rows that have a place after that, so
that their number never exceeds the run's concurrency, however many workers claim. Rows leased ahead wait for a place in
their pump (see ahead.py). Times are the database's, so clocks need not agree.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from evals_app.choices import RunState
from evals_app.services.harvests import GivenBack
from evals_app.services.states import run_start, runs_stop_at_budget
from llmops.core.services import Rows, Statements, calls_orphan

SMALLEST_BITE = 6

MOST_LEASES = 3
"""A result whose worker died this often is given up, so that one poisonous case cannot stop the others."""

SUSPECT_LEASES = 2
"""A result whose worker died this often is tried last and alone, so that it cannot take others down with it."""


def bite(concurrency: int) -> int:
    """Rows taken from one run at once. Small, so that two workers share a run evenly and calls do not go out and
    come back in step, which would leave the processor idle in between; an eighth of the run's places at the most.
    """
    return max(SMALLEST_BITE, concurrency // 8)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One leased row with what is needed to answer and mark it.

    A row that is `ahead` has no place yet. `n_attempts` were made for its answer before; `scored_by` are the evaluator
    versions whose marks are there already; `plan_mark` changes when the run's evaluators do.
    """

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
    n_attempts: int
    scored_by: Collection[int]
    plan_mark: int | None
    ahead: bool


# ORDER BY position leads to the index of open rows: the end of a big run is as quick as its beginning.
_OPEN_RUNS = """
    SELECT run.id, run.concurrency,
           (SELECT count(*) FROM evals_app_result AS leased
             WHERE leased.run_id = run.id AND leased.state = 'running' AND leased.lease_until >= now()
               AND NOT leased.ahead)
      FROM evals_app_run AS run
     WHERE run.state IN ('queued', 'running') AND NOT run.id = ANY(%s)
       AND (SELECT true FROM evals_app_result AS open
             WHERE open.run_id = run.id
               AND (open.state = 'pending' AND (open.not_before IS NULL OR open.not_before <= now())
                    OR open.state = 'running' AND open.lease_until < now())
             ORDER BY open.position LIMIT 1)
     ORDER BY 3, run.id
     LIMIT 100
"""
# A lease that a crash of the database takes back has cost nothing: what is sent under it is written down durably
# before, and that writes all that was committed earlier as well. So the claim itself need not wait for the disk.
_LOCK_RUN = """
    SELECT state, coalesce(spent_usd >= budget_usd, false), set_config('synchronous_commit', 'off', true)
      FROM evals_app_run WHERE id = %(run)s FOR NO KEY UPDATE
"""
# A statement of its own, after the lock: its snapshot has what other workers have leased meanwhile.
_CLAIM = """
    WITH run AS (
        SELECT coalesce(%(places)s, concurrency) AS places, (n_results - n_finished + 7) / 8 AS most_ahead
          FROM evals_app_run
         WHERE id = %(run)s AND state IN ('queued', 'running') AND NOT coalesce(spent_usd >= budget_usd, false)),
    room AS (
        SELECT greatest(0, (SELECT places FROM run) - count(*)) AS free FROM evals_app_result
         WHERE run_id = %(run)s AND state = 'running' AND lease_until >= now() AND (%(alone)s OR NOT ahead)),
    picked AS (
        SELECT id, position, repeat, state = 'running' AS expired
          FROM evals_app_result
         WHERE run_id = %(run)s AND EXISTS (SELECT FROM run) AND n_leases BETWEEN %(least_leases)s AND %(most_leases)s
           AND (state = 'pending' AND (not_before IS NULL OR not_before <= now())
                OR state = 'running' AND lease_until < now() AND lease_owner <> %(owner)s)
         ORDER BY position, repeat
         LIMIT (SELECT least(free, %(most)s) + CASE WHEN free > %(most)s AND NOT %(full)s THEN 0
                                                    ELSE least(%(ahead)s, (SELECT most_ahead FROM run)) END FROM room)
           FOR UPDATE SKIP LOCKED),
    placed AS (
        SELECT id, expired, row_number() OVER (ORDER BY position, repeat) AS place FROM picked)
    UPDATE evals_app_result AS result
       SET state = 'running', lease_owner = %(owner)s, lease_until = now() + make_interval(secs => %(lease_s)s),
           n_leases = result.n_leases + 1, not_before = NULL, ahead = placed.place > least(room.free, %(most)s)
      FROM room, placed, evals_app_caseversion AS content
     WHERE result.id = placed.id AND content.id = result.case_version_id
    RETURNING placed.expired, result.id, result.run_id, content.inputs, content.expected, content.reference,
              content.previous, content.feedback, result.answered_at IS NOT NULL, result.output, result.n_leases,
              result.n_attempts,
              CASE WHEN result.answered_at IS NULL THEN '{}'
                   ELSE ARRAY(SELECT score.evaluator_version_id FROM evals_app_score AS score
                               WHERE score.result_id = result.id AND score.source IN ('code', 'judge'))
               END,
              (SELECT max(id) FROM evals_app_runevaluator WHERE run_id = %(run)s), result.ahead
"""


def results_claim(
    *,
    owner: UUID,
    most: int,
    resting: Collection[int] = (),
    ahead: Mapping[int, int] | None = None,
    full: bool = False,
    into: list[Claimed] | None = None,
) -> list[Claimed]:
    """Lease up to `most` rows over all runs but `resting` ones, the run with the fewest calls in flight first.

    Each run gives at most a fair share and a bite. When that fills its places, or the pump is `full` and could not fill
    them, it gives as many rows as `ahead` wants of it besides, though no more than an eighth of what it has left; when
    `most` is 0, that alone is done, without a look at other runs. One transaction for each run; rows are appended to
    `into` as soon as they are leased, so that they are known when a later run fails. A run at its budget is stopped
    instead.
    Attempts that were in flight under an expired lease are marked orphaned.
    """
    claimed: list[Claimed] = [] if into is None else into
    ahead = {run_id: more for run_id, more in (ahead or {}).items() if run_id not in resting}
    if most <= 0 and not ahead:
        return claimed
    waiting = _open_runs(resting, ahead) if most > 0 else [(run_id, 0) for run_id in ahead]
    left = most
    for at, (run_id, most_of_run) in enumerate(waiting):
        share = min(-(-left // (len(waiting) - at)), most_of_run)
        rows = _claim_from_run(run_id, owner=owner, most=share, ahead=ahead.get(run_id, 0), full=full)
        claimed += rows
        left -= sum(not row.ahead for row in rows)
    return claimed


def _open_runs(resting: Collection[int], ahead: Collection[int]) -> list[tuple[int, int]]:
    """Runs with rows to claim, and the most that may be taken of each now."""
    found, message = Rows(), Statements()
    message.add(_OPEN_RUNS, [list(resting)], read=found.extend)
    message.send()
    return [(run_id, bite(places)) for run_id, places, taken in found if taken < places or run_id in ahead]


def runs_waiting(resting: Collection[int]) -> frozenset[int]:
    """Runs that have rows to claim and places left for them."""
    return frozenset(run_id for run_id, _ in _open_runs(resting, ()))


def leases_renew(*, owner: UUID, held: Collection[int]) -> set[int]:
    """Hold on to these rows of this owner for another lease. Returns those that are still its own."""
    if not held:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE evals_app_result SET lease_until = now() + make_interval(secs => %s)"
            " WHERE id = ANY(%s) AND lease_owner = %s AND state = 'running' RETURNING id",
            [settings.LEASE_S, list(held), owner],
        )
        return {result_id for (result_id,) in cursor.fetchall()}


def results_give_back(rows: Sequence[GivenBack], *, owner: UUID) -> None:
    """Return leased rows to the plan."""
    message = Statements()
    results_give_back_by(message, rows, owner=owner, touched=set())
    message.send()


def results_give_back_by(message: Statements, rows: Sequence[GivenBack], *, owner: UUID, touched: set[int]) -> None:
    """The same as a part of a message: the ids of their runs are put into `touched` once it is sent."""
    if not rows:
        return
    message.add(
        "UPDATE evals_app_result AS result"
        "   SET state = 'pending', lease_owner = NULL, lease_until = NULL,"
        "       n_leases = result.n_leases - CASE WHEN back.tried OR result.n_leases = 0 THEN 0 ELSE 1 END,"
        "       not_before = now() + make_interval(secs => back.wait_s),"
        "       n_attempts = result.n_attempts + back.n_attempts,"
        "       cost_usd = CASE WHEN result.answered_at IS NULL"
        "                       THEN nullif(coalesce(result.cost_usd, 0) + coalesce(back.cost_usd, 0), 0)"
        "                       ELSE result.cost_usd + back.cost_usd END"
        "  FROM unnest(%s::bigint[], %s::double precision[], %s::boolean[], %s::int[], %s::numeric[])"
        "       AS back (id, wait_s, tried, n_attempts, cost_usd)"
        " WHERE result.id = back.id AND result.lease_owner = %s AND result.state = 'running'"
        " RETURNING result.run_id",
        [
            [row.result_id for row in rows],
            [float(row.wait_s) for row in rows],
            [row.tried for row in rows],
            [row.n_attempts for row in rows],
            [row.cost_usd for row in rows],
            owner,
        ],
        read=lambda found: touched.update(run_id for (run_id,) in found),
    )


def given_up(claimed: Claimed) -> bool:
    """Whether this row took its worker down with it too often to be tried again."""
    return claimed.n_leases > MOST_LEASES


def last_try(claimed: Claimed) -> bool:
    """Whether this row is given up when it comes back once more."""
    return claimed.n_leases >= MOST_LEASES


def _claim_from_run(run_id: int, *, owner: UUID, most: int, ahead: int, full: bool) -> list[Claimed]:
    locked, rows = _claim(_claim_parameters(run_id, owner, most, ahead, full=full))
    if locked is None:
        return []
    state, over_budget, _ = locked
    if over_budget:
        runs_stop_at_budget([run_id])
        return []
    if not rows and most > 0 and state in (RunState.QUEUED, RunState.RUNNING):
        # One row whose workers died, when nothing else of the run is under way or waits.
        suspect = _claim_parameters(run_id, owner, 1, 0, places=1, leases=(SUSPECT_LEASES, 32_767))
        _, rows = _claim(suspect)
    # Should one of these fail, the rows are nobody's until their leases run out, and it is made up for then.
    calls_orphan(result_ids=[result_id for expired, result_id, *_ in rows if expired])
    if rows and state == RunState.QUEUED:
        run_start(run_id)
    return [_claimed(row) for row in rows]


def _claim(parameters: Mapping[str, Any]) -> tuple[tuple[Any, ...] | None, Rows]:
    """The state of the run before the claim and whether it is at its budget (None: there is no such run), and the rows.

    In one message, for which the run's row is locked.
    """
    locked, rows = Rows(), Rows()
    message = Statements()
    message.add(_LOCK_RUN, parameters, read=locked.extend)
    message.add(_CLAIM, parameters, read=rows.extend)
    message.send()
    return (locked[0] if locked else None), rows


def _claim_parameters(
    run_id: int,
    owner: UUID,
    most: int,
    ahead: int,
    *,
    full: bool = False,
    places: int | None = None,
    leases: tuple[int, int] = (0, SUSPECT_LEASES - 1),
) -> dict[str, Any]:
    """`places`: another number than the run's concurrency, of which rows leased ahead take some as well."""
    return {
        "run": run_id,
        "owner": owner,
        "most": most,
        "ahead": ahead,
        "full": full,
        "places": places,
        "alone": places is not None,
        "least_leases": leases[0],
        "most_leases": leases[1],
        "lease_s": settings.LEASE_S,
    }


def _claimed(row: tuple[Any, ...]) -> Claimed:
    _expired, result_id, run_id, inputs, *content = row
    return Claimed(result_id, run_id, json.loads(inputs), *content)
