"""What a pump has brought in and not saved yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from evals_app.choices import ResultState, ScoreSource
from evals_app.engine import Mark
from llmops.providers.gateway import CallEnd, CallStart

MOST_TOKENS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Answered:
    """What the model answered: saved as soon as it is there, so that it is never asked for again.

    `cost_usd` (None: price not known) and `n_attempts` are those of the answer alone.
    """

    result_id: int
    output: str
    finish_reason: str
    latency_ms: int
    input_tokens: int | None
    output_tokens: int | None
    n_attempts: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class NewScore:
    """A mark by an evaluator version, to be stored as a score."""

    evaluator_version_id: int
    source: ScoreSource
    mark: Mark


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A score and the result it belongs to. Saved at once: what a judge said is not asked for again."""

    result_id: int
    score: NewScore


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a result: done, or an error with its reason.

    `n_attempts` and `cost_usd` (None: not known) come on top of what was saved with the answer.
    """

    result_id: int
    state: ResultState
    error_kind: str = ""
    reason: str = ""
    n_attempts: int = 0
    cost_usd: Decimal | None = Decimal(0)


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A row that goes back to the plan; not tried again before `wait_s` seconds.

    `tried` counts this lease as one of the few that a row may have; else it is as if it had not been claimed.
    """

    result_id: int
    wait_s: float = 0.0
    tried: bool = False
    n_attempts: int = 0
    cost_usd: Decimal | None = Decimal(0)


@dataclass(slots=True)
class Harvest:
    """Rows leased ahead that have a place now, attempts begun and ended, answers, scores, ends and rows given back, in
    the order in which they came."""

    placed: list[int] = field(default_factory=list)
    begun: list[CallStart] = field(default_factory=list)
    ended: list[tuple[CallStart, CallEnd]] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    scored: list[ScoredRow] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)
    given_back: list[GivenBack] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.placed, self.begun, self.ended, self.answered, self.scored, self.finished, self.given_back))

    def taken(self) -> Harvest:
        """All of it as a harvest of its own; this one is empty afterwards."""
        out = replace(self)
        self.placed, self.begun, self.ended, self.answered = [], [], [], []
        self.scored, self.finished, self.given_back = [], [], []
        return out

    def by_result(self) -> Iterator[Harvest]:
        """The same cut into one harvest for each result. Who takes a place over comes before who leaves it."""
        parts: dict[int | None, Harvest] = {}

        def part(result_id: int | None) -> Harvest:
            return parts.setdefault(result_id, Harvest())

        for result_id in self.placed:
            part(result_id).placed.append(result_id)
        for start in self.begun:
            part(start.context.result_id).begun.append(start)
        for start, end in self.ended:
            part(start.context.result_id).ended.append((start, end))
        for answered in self.answered:
            part(answered.result_id).answered.append(answered)
        for scored in self.scored:
            part(scored.result_id).scored.append(scored)
        for finished in self.finished:
            part(finished.result_id).finished.append(finished)
        for back in self.given_back:
            part(back.result_id).given_back.append(back)
        return iter(parts.values())

    def without_content(self) -> Harvest:
        """What is left to say when the database will not take it: attempts without their texts and numbers,
        and results that end as errors."""
        reason = "What came back could not be stored. The worker's log says why."
        results = {row.result_id for row in self.answered} | {row.result_id for row in self.scored}
        results |= {row.result_id for row in self.finished}
        return Harvest(
            placed=self.placed,
            begun=self.begun,
            ended=[(start, _without_content(end)) for start, end in self.ended],
            finished=[Finished(result_id, ResultState.ERROR, "not_storable", reason) for result_id in sorted(results)],
            given_back=self.given_back,
        )


def storable(text: str) -> str:
    """Text as Postgres can keep it: without NUL and lone surrogates, which models do send at times."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def storable_end(end: CallEnd) -> CallEnd:
    """The end of an attempt as Postgres can keep it, whatever the server said."""
    usage = end.usage and replace(
        end.usage,
        input_tokens=min(end.usage.input_tokens, MOST_TOKENS),
        output_tokens=min(end.usage.output_tokens, MOST_TOKENS),
        cached_input_tokens=min(end.usage.cached_input_tokens, MOST_TOKENS),
    )
    return replace(
        end,
        usage=usage,
        error_message=storable(end.error_message),
        finish_reason=storable(end.finish_reason),
        response_model=storable(end.response_model),
        response_id=storable(end.response_id),
    )


def _without_content(end: CallEnd) -> CallEnd:
    return replace(
        end,
        usage=None,
        cost_usd=None,
        error_message="",
        finish_reason="",
        response_model="",
        response_id="",
        retry_after_s=None,
    )
