"""Enumerations of evaluation, as stored and as spoken by the API. Plain, so that the pure engine may use them."""

from enum import StrEnum


class RunState(StrEnum):
    """`stopping` waits for calls in flight; `stopped` can be resumed; `failed` could not be carried on."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


ACTIVE_RUN_STATES = (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING)
CLAIMABLE_RUN_STATES = (RunState.QUEUED, RunState.RUNNING)


class RunSource(StrEnum):
    """Where a run's answers come from: asked of a model by us, or made elsewhere and uploaded."""

    GENERATED = "generated"
    UPLOADED = "uploaded"


class ResultState(StrEnum):
    """`running` is leased by a worker; `done` has its answer and all its marks; `error` has a typed reason."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"


class ScoreState(StrEnum):
    """A score that could not be given is never 0: it is unscored, an error or skipped, with a reason."""

    SCORED = "scored"
    UNSCORED = "unscored"
    ERROR = "error"
    SKIPPED = "skipped"


class ScoreSource(StrEnum):
    """Who gave a score."""

    CODE = "code"
    JUDGE = "judge"
    PERSON = "person"
    END_USER = "end_user"


class Direction(StrEnum):
    """Which way is better."""

    HIGHER = "higher"
    LOWER = "lower"


class ValueType(StrEnum):
    """What a score's value is."""

    YES_NO = "yes_no"
    NUMBER = "number"
    CATEGORY = "category"


class CaseChange(StrEnum):
    """What became of a case between two states of its dataset."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
