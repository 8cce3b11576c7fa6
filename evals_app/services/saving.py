"""Saving what a pump has brought in, in few statements and one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from evals_app.services.harvests import Answered, Finished, Harvest, ScoredRow, storable
from evals_app.services.leases import results_give_back
from evals_app.services.states import runs_closed, runs_closed_by, runs_stop_at_budget
from llmops.core.services import Rows, Statements, calls_begin, calls_finish_by


class Saved(NamedTuple):
    """What saving a harvest came to.

    `n_finished` counts results that ended now, and `touched` are the runs that may have come to their end; `closed` are
    those of the known runs for which nothing more may be sent, and `refused` the ids of attempts that were not
    written down, because their run is one of these.
    """

    n_finished: int
    touched: frozenset[int]
    closed: frozenset[int]
    refused: frozenset[UUID]


def harvest_save(harvest: Harvest, *, owner: UUID, known: Collection[int]) -> Saved:
    """Save all of it in one transaction. `known` holds the runs of its attempts, and any others of interest.

    Only rows still leased by `owner` change, so a worker that lost its lease overwrites nothing; saving the same
    harvest twice (after a lost connection) changes nothing the second time. A run that reaches its budget is
    stopped before any attempt is begun, so that each leased row overspends by one call at most.
    Locks results, then runs by id.
    """
    spent: dict[int, Decimal] = {}
    finished: Counter[int] = Counter()
    message = Statements()
    with transaction.atomic():
        calls_finish_by(message, harvest.ended, spent)
        # Most rows are answered, marked and ended between two visits: they are written once.
        answers = {row.result_id: row for row in harvest.answered}
        ends = {row.result_id: row for row in harvest.finished}
        whole = answers.keys() & ends.keys()
        _save_answers(message, [row for row in harvest.answered if row.result_id not in whole], owner)
        _save_scores(message, harvest.scored, owner)
        _save_places(message, harvest.placed, owner)
        _save_ends(message, [row for row in harvest.finished if row.result_id not in whole], owner, finished)
        _save_whole(message, [(answers[result_id], ends[result_id]) for result_id in sorted(whole)], owner, finished)
        message.send()
        given_back = results_give_back(harvest.given_back, owner=owner)
        ended, closed = _count_up(message, spent, finished, known)
        calls_begin([start for start in harvest.begun if start.context.run_id not in closed])
    refused = frozenset(start.id for start in harvest.begun if start.context.run_id in closed)
    return Saved(finished.total(), frozenset(given_back | ended), closed, refused)


def _save_answers(message: Statements, rows: Sequence[Answered], owner: UUID) -> None:
    if not rows:
        return
    message.add(
        "UPDATE evals_app_result AS result"
        "   SET answered_at = clock_timestamp(), output = answer.output, finish_reason = answer.finish_reason,"
        "       latency_ms = answer.latency_ms, input_tokens = answer.input_tokens,"
        "       output_tokens = answer.output_tokens, n_attempts = result.n_attempts + answer.n_attempts,"
        "       cost_usd = coalesce(result.cost_usd, 0) + answer.cost_usd"
        "  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[],"
        "              %s::numeric[])"
        "       AS answer (id, output, finish_reason, latency_ms, input_tokens, output_tokens, n_attempts,"
        "                  cost_usd)"
        " WHERE result.id = answer.id AND result.lease_owner = %s AND result.state = 'running'"
        "   AND result.answered_at IS NULL",
        [*_answer_columns(rows), owner],
    )


def _save_scores(message: Statements, rows: Sequence[ScoredRow], owner: UUID) -> None:
    if not rows:
        return
    message.add(
        "INSERT INTO evals_app_score (project_id, run_id, result_id, evaluator_version_id, source, state,"
        "                             value, label, reason, created_at)"
        " SELECT result.project_id, result.run_id, score.*, clock_timestamp()"
        "   FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::double precision[], %s::text[],"
        "               %s::text[]) AS score (result_id)"
        "   JOIN evals_app_result AS result ON result.id = score.result_id"
        "  WHERE result.lease_owner = %s AND result.state = 'running'"
        " ON CONFLICT DO NOTHING",
        [
            [row.result_id for row in rows],
            [row.score.evaluator_version_id for row in rows],
            [str(row.score.source) for row in rows],
            [str(row.score.mark.state) for row in rows],
            [None if row.score.mark.value is None else float(row.score.mark.value) for row in rows],
            [storable(row.score.mark.label)[:200] for row in rows],
            [storable(row.score.mark.reason)[:2000] for row in rows],
            owner,
        ],
    )


def _save_places(message: Statements, result_ids: Sequence[int], owner: UUID) -> None:
    """Rows leased ahead have taken over the places of others, which are saved with them."""
    if not result_ids:
        return
    message.add(
        "UPDATE evals_app_result SET ahead = false WHERE id = ANY(%s) AND lease_owner = %s AND state = 'running'",
        [list(result_ids), owner],
    )


def _save_ends(message: Statements, rows: Sequence[Finished], owner: UUID, finished: Counter[int]) -> None:
    """`finished` counts how many results of which run ended now, once the message is sent."""
    if not rows:
        return
    message.add(
        "UPDATE evals_app_result AS result"
        "   SET state = ended.state, error_kind = ended.error_kind, reason = ended.reason,"
        "       n_attempts = result.n_attempts + ended.n_attempts,"
        # An answer without a cost is one whose price is not known; a row without an answer has cost nothing yet.
        "       cost_usd = CASE WHEN result.answered_at IS NULL THEN coalesce(result.cost_usd, 0)"
        "                       ELSE result.cost_usd END + ended.cost_usd,"
        "       finished_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL"
        "  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::int[], %s::numeric[])"
        "       AS ended (id, state, error_kind, reason, n_attempts, cost_usd)"
        " WHERE result.id = ended.id AND result.lease_owner = %s AND result.state = 'running'"
        " RETURNING result.run_id",
        [[row.result_id for row in rows], *_end_columns(rows), owner],
        read=lambda found: finished.update(run_id for (run_id,) in found),
    )


_ANSWER = ("output", "finish_reason", "latency_ms", "input_tokens", "output_tokens")
_ANSWER_UNLESS_THERE = ", ".join(
    f"{name} = CASE WHEN result.answered_at IS NULL THEN whole.{name} ELSE result.{name} END" for name in _ANSWER
)
_WHOLE = f"""
    UPDATE evals_app_result AS result
       SET state = whole.state, error_kind = whole.error_kind, reason = whole.reason,
           {_ANSWER_UNLESS_THERE},
           n_attempts = result.n_attempts + whole.n_attempts
                      + CASE WHEN result.answered_at IS NULL THEN whole.n_asked ELSE 0 END,
           cost_usd = CASE WHEN result.answered_at IS NULL THEN coalesce(result.cost_usd, 0) + whole.asked_usd
                           ELSE result.cost_usd END + whole.cost_usd,
           answered_at = coalesce(result.answered_at, clock_timestamp()),
           finished_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL
      FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::numeric[],
                  %s::text[], %s::text[], %s::text[], %s::int[], %s::numeric[])
           AS whole (id, output, finish_reason, latency_ms, input_tokens, output_tokens, n_asked, asked_usd,
                     state, error_kind, reason, n_attempts, cost_usd)
     WHERE result.id = whole.id AND result.lease_owner = %s AND result.state = 'running'
    RETURNING result.run_id
"""  # noqa: S608  only names from the line above


def _save_whole(
    message: Statements, rows: Sequence[tuple[Answered, Finished]], owner: UUID, finished: Counter[int]
) -> None:
    """Answers and ends in one: what _save_answers and then _save_ends would write."""
    if not rows:
        return
    message.add(
        _WHOLE,
        [*_answer_columns([answer for answer, _ in rows]), *_end_columns([end for _, end in rows]), owner],
        read=lambda found: finished.update(run_id for (run_id,) in found),
    )


def _answer_columns(rows: Sequence[Answered]) -> list[list[Any]]:
    return [
        [row.result_id for row in rows],
        [row.output for row in rows],
        [row.finish_reason[:30] for row in rows],
        [row.latency_ms for row in rows],
        [row.input_tokens for row in rows],
        [row.output_tokens for row in rows],
        [row.n_attempts for row in rows],
        [row.cost_usd for row in rows],
    ]


def _end_columns(rows: Sequence[Finished]) -> list[list[Any]]:
    """All but the result's number, which an answer has as well."""
    return [
        [str(row.state) for row in rows],
        [row.error_kind[:40] for row in rows],
        [storable(row.reason)[:1000] for row in rows],
        [row.n_attempts for row in rows],
        [row.cost_usd for row in rows],
    ]


def _count_up(
    message: Statements, spent: dict[int, Decimal], finished: Counter[int], known: Collection[int]
) -> tuple[set[int], frozenset[int]]:
    """Add to what runs have spent and finished, and stop those whose budget is used up. Returns those that have no
    result left or are being stopped, and those of the known runs that are closed after it."""
    used_up: list[int] = []
    ended: set[int] = set()

    def note(run_id: int, found: Rows) -> None:
        for is_over, has_ended in found:
            if is_over:
                used_up.append(run_id)
            if is_over or has_ended:
                ended.add(run_id)

    for run_id in sorted(set(spent) | set(finished)):
        message.add(
            "UPDATE evals_app_run SET spent_usd = spent_usd + %s, n_finished = n_finished + %s WHERE id = %s"
            " RETURNING coalesce(spent_usd >= budget_usd, false) AND n_finished < n_results,"
            "           n_finished >= n_results OR state = 'stopping'",
            [spent.get(run_id, Decimal(0)), finished[run_id], run_id],
            read=partial(note, run_id),
        )
    closed: set[int] = set(known)
    runs_closed_by(message, known, closed)
    message.send()
    if used_up:
        runs_stop_at_budget(used_up)
        return ended, runs_closed(known)
    return ended, frozenset(closed)
