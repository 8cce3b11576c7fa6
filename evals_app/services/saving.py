"""Saving what a pump has brought in, in few statements and one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from evals_app.services.harvests import Answered, Finished, Harvest, ScoredRow, storable
from evals_app.services.leases import results_give_back_by
from evals_app.services.states import runs_open_sql, runs_stop_at_budget
from llmops.core.services import Rows, Statements, calls_begin_by, calls_finish_sql


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
    harvest twice (after a lost connection) changes nothing the second time. No attempt of a run that has reached its
    budget is begun, so that each leased row overspends by one call at most.
    Locks results, then runs by id.
    """
    message, counted, open_runs = Statements(), _Counted(), set[int]()
    # Most rows are answered, marked and ended between two visits: they are written once.
    answers = {row.result_id: row for row in harvest.answered}
    ends = {row.result_id: row for row in harvest.finished}
    whole = answers.keys() & ends.keys()
    _save_answers(message, [row for row in harvest.answered if row.result_id not in whole], owner)
    _save_scores(message, harvest.scored, owner)
    _save_places(message, harvest.placed, owner)
    results_give_back_by(message, harvest.given_back, owner=owner, touched=counted.touched)
    changes = _Changes()
    if harvest.ended:
        changes.add("run_id, coalesce(cost_usd, 0), 0", *calls_finish_sql(harvest.ended))
    if only_ends := [row for row in harvest.finished if row.result_id not in whole]:
        changes.add("run_id, 0, 1", *_ends_sql(only_ends, owner))
    if whole:
        changes.add(
            "run_id, 0, 1", *_whole_sql([(answers[result_id], ends[result_id]) for result_id in sorted(whole)], owner)
        )
    changes.put_into(message, counted)
    calls_begin_by(
        message,
        harvest.begun,
        runs=runs_open_sql(known),
        read=lambda found: open_runs.update(run_id for (run_id,) in found),
    )
    message.send()
    runs_stop_at_budget(counted.used_up)
    closed = frozenset(known) - open_runs
    refused = frozenset(start.id for start in harvest.begun if start.context.run_id not in open_runs)
    return Saved(counted.n_finished, frozenset(counted.touched), closed, refused)


@dataclass(slots=True)
class _Counted:
    """What the message came to: results that ended, runs that may have come to their end, and those at their budget."""

    n_finished: int = 0
    touched: set[int] = field(default_factory=set)
    used_up: list[int] = field(default_factory=list)

    def read(self, found: Rows) -> None:
        for run_id, n_finished, is_used_up, is_over in found:
            self.n_finished += n_finished
            if is_used_up:
                self.used_up.append(run_id)
            if is_used_up or is_over:
                self.touched.add(run_id)


class _Changes:
    """Statements that change attempts and results, and then add what these cost and how many ended to their runs."""

    def __init__(self) -> None:
        self._ctes: list[str] = []
        self._selects: list[str] = []
        self._parameters: list[Any] = []

    def add(self, adds: str, text: str, parameters: Sequence[Any]) -> None:
        """`adds`: the run's id, the cost in US dollars and the number of results, from what `text` returns."""
        name = f"change_{len(self._ctes)}"
        self._ctes.append(f"{name} AS ({text})")
        self._selects.append(f"SELECT {adds} FROM {name}")  # noqa: S608  names of ours
        self._parameters += parameters

    def put_into(self, message: Statements, counted: _Counted) -> None:
        if self._ctes:
            text = _COUNT_UP.format(changes=", ".join(self._ctes), rows=" UNION ALL ".join(self._selects))
            message.add(text, self._parameters, read=counted.read)


# Runs are locked after the results and in the order of their ids: `locked` is read from what was changed.
_COUNT_UP = """
    WITH {changes},
    added AS (
        SELECT run_id, sum(usd) AS usd, sum(n) AS n FROM ({rows}) AS change (run_id, usd, n) GROUP BY run_id),
    locked AS MATERIALIZED (
        SELECT id FROM evals_app_run WHERE id IN (SELECT run_id FROM added) ORDER BY id FOR NO KEY UPDATE)
    UPDATE evals_app_run AS run
       SET spent_usd = run.spent_usd + added.usd, n_finished = run.n_finished + added.n
      FROM locked JOIN added ON added.run_id = locked.id
     WHERE run.id = locked.id
    RETURNING run.id, added.n, coalesce(run.spent_usd >= run.budget_usd, false) AND run.n_finished < run.n_results,
              run.n_finished >= run.n_results OR run.state = 'stopping'
"""


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


def _ends_sql(rows: Sequence[Finished], owner: UUID) -> tuple[str, list[Any]]:
    return _ENDS, [[row.result_id for row in rows], *_end_columns(rows), owner]


_ENDS = """
    UPDATE evals_app_result AS result
       SET state = ended.state, error_kind = ended.error_kind, reason = ended.reason,
           n_attempts = result.n_attempts + ended.n_attempts,
           -- An answer without a cost is one whose price is not known; a row without an answer has cost nothing yet.
           cost_usd = CASE WHEN result.answered_at IS NULL THEN coalesce(result.cost_usd, 0)
                           ELSE result.cost_usd END + ended.cost_usd,
           finished_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL
      FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::int[], %s::numeric[])
           AS ended (id, state, error_kind, reason, n_attempts, cost_usd)
     WHERE result.id = ended.id AND result.lease_owner = %s AND result.state = 'running'
    RETURNING result.run_id
"""
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


def _whole_sql(rows: Sequence[tuple[Answered, Finished]], owner: UUID) -> tuple[str, list[Any]]:
    """Answers and ends in one: what _save_answers and then _ENDS would write."""
    return _WHOLE, [*_answer_columns([answer for answer, _ in rows]), *_end_columns([end for _, end in rows]), owner]


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
