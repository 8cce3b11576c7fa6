"""What a run will take, before it starts: from the texts, the prices and how it went before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import connection as database

from evals_app.choices import RunState
from evals_app.engine import KINDS
from evals_app.engine.quote import DOUBT, CallEstimate, Quote, quote, tokens_of
from evals_app.models import CaseVersion, EvaluatorVersion
from llmops.core.models import Connection
from llmops.core.services import price_for
from llmops.providers.base import Vendor
from llmops.providers.fake import practice_delay_s
from prompts_app.models import PromptVersion

USUAL_LATENCY_S = 2.0
USUAL_LOCAL_S = 2.0
"""The local model's own time for an answer on a machine with two processors."""
MOST_DOUBT = 6.0
"""However much longer than quoted the last runs took: one of them may have lain still over night."""
USUAL_OUTPUT_TOKENS = 200
JUDGE_OUTPUT_TOKENS = 80
JUDGE_FRAME_TOKENS = 350
SAMPLED_CASES = 200

_RUNS_BEFORE = """
    SELECT percentile_cont(0.75) WITHIN GROUP (ORDER BY took_s / quote_s)
      FROM (SELECT extract(epoch FROM finished_at - created_at) AS took_s, quote_s FROM evals_app_run
             WHERE project_id = %s AND state = %s AND quote_s >= 1
             ORDER BY id DESC LIMIT 10) AS latest
"""

# What a machine was busy with several calls at once is counted once, so that this is its time for one of them
# however many were sent at a time.
_BUSY_BEFORE = """
    SELECT count(*), (SELECT extract(epoch FROM sum(upper(busy) - lower(busy))) FROM unnest(range_agg(took)) AS busy)
      FROM (SELECT tstzrange(finished_at - latency_ms * interval '1 ms', finished_at) AS took FROM core_modelcall
             WHERE connection_id = %s AND model = %s AND state = 'ok' AND latency_ms > 0
             ORDER BY started_at DESC LIMIT 200) AS latest
"""

_BEFORE = """
    SELECT avg(output_tokens), percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) / 1000.0
      FROM (SELECT output_tokens, latency_ms FROM core_modelcall
             WHERE connection_id = %s AND model = %s AND state = 'ok' AND purpose = %s
             ORDER BY started_at DESC LIMIT 200) AS latest
"""


def run_quote(
    *,
    version: PromptVersion,
    connection: Connection,
    model: str,
    case_version_ids: Sequence[int],
    repeats: int,
    concurrency: int,
    evaluators: Sequence[EvaluatorVersion],
) -> Quote:
    """Calls, cost and seconds of a run; earlier calls of the same model say how long answers are and take."""
    n_answers = len(case_version_ids) * repeats
    input_chars = _mean_input_chars(case_version_ids)
    template_chars = sum(len(part["content"]) for part in version.messages)
    answer = _calls(
        connection,
        model,
        purpose="run",
        calls=n_answers,
        input_tokens=tokens_of(round(template_chars + input_chars)),
        usual_output=min(USUAL_OUTPUT_TOKENS, version.max_tokens or USUAL_OUTPUT_TOKENS),
    )
    case_tokens = tokens_of(round(input_chars)) + round(answer.output_tokens)
    judges = [_judge_calls(judge, calls=n_answers, case_tokens=case_tokens) for judge in _judges(evaluators)]
    return quote([answer, *judges], concurrency=concurrency, doubt=_doubt(connection.project_id))


def upload_quote(
    *,
    case_version_ids: Sequence[int],
    mean_output_chars: float,
    calls: Mapping[int, int],
    concurrency: int,
    evaluators: Sequence[EvaluatorVersion],
) -> Quote:
    """What marking answers made elsewhere takes; `calls` says for each evaluator version how many it marks."""
    case_tokens = tokens_of(round(_mean_input_chars(case_version_ids) + mean_output_chars))
    judges = [_judge_calls(judge, calls=calls[judge.pk], case_tokens=case_tokens) for judge in _judges(evaluators)]
    return quote(judges, concurrency=concurrency)


def _judges(evaluators: Sequence[EvaluatorVersion]) -> list[EvaluatorVersion]:
    return [each for each in evaluators if each.connection is not None and KINDS[each.evaluator.kind].uses_model]


def _judge_calls(judge: EvaluatorVersion, *, calls: int, case_tokens: int) -> CallEstimate:
    assert judge.connection is not None  # noqa: S101  see _judges
    return _calls(
        judge.connection,
        judge.model,
        purpose="judge",
        calls=calls,
        input_tokens=JUDGE_FRAME_TOKENS + case_tokens,
        usual_output=JUDGE_OUTPUT_TOKENS,
    )


def _mean_input_chars(case_version_ids: Sequence[int]) -> float:
    """From a sample spread evenly over the cases."""
    sampled = case_version_ids[:: max(1, len(case_version_ids) // SAMPLED_CASES)]
    inputs = CaseVersion.objects.filter(pk__in=sampled).values_list("inputs", flat=True)
    return sum(sum(map(len, case.values())) for case in inputs) / max(len(sampled), 1)


def _calls(
    connection: Connection, model: str, *, purpose: str, calls: int, input_tokens: int, usual_output: int
) -> CallEstimate:
    with database.cursor() as cursor:
        cursor.execute(_BEFORE, [connection.pk, model, purpose])
        output_tokens, latency_s = cursor.fetchone()
    local = connection.vendor == Vendor.LOCAL
    usual_s = practice_delay_s(model) if connection.vendor == Vendor.PRACTICE else USUAL_LATENCY_S
    if local:
        latency_s = _local_s(connection, model)
    price = price_for(vendor=Vendor(connection.vendor), model=model)
    return CallEstimate(
        calls=calls,
        input_tokens=input_tokens,
        output_tokens=float(output_tokens if output_tokens is not None else usual_output),
        input_usd_per_mtok=price.input_usd_per_mtok if price else None,
        output_usd_per_mtok=price.output_usd_per_mtok if price else None,
        latency_s=float(latency_s if latency_s is not None else usual_s),
        requests_per_minute=connection.requests_per_minute,
        tokens_per_minute=connection.tokens_per_minute,
        at_once=1 if local else None,
        connection=connection.pk,
    )


def _local_s(connection: Connection, model: str) -> float:
    """This machine's time for one answer. More calls at a time share its processors, and are done no sooner."""
    with database.cursor() as cursor:
        cursor.execute(_BUSY_BEFORE, [connection.pk, model])
        calls, busy_s = cursor.fetchone()
    return float(busy_s) / calls if calls else USUAL_LOCAL_S


def _doubt(project_id: int) -> float:
    """How many times longer than quoted the last runs of this project took: a machine may be busy with other things."""
    with database.cursor() as cursor:
        cursor.execute(_RUNS_BEFORE, [project_id, RunState.FINISHED])
        (times,) = cursor.fetchone()
    return min(max(DOUBT, float(times or 0.0)), MOST_DOUBT)
