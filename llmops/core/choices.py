"""Enumerations of the core: roles, scopes and states, as stored and as spoken by the API."""

from enum import StrEnum


class Role(StrEnum):
    """What a member may do; each role may do all that the ones before it may."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    EDITOR = "editor"
    RELEASER = "releaser"
    ADMIN = "admin"


class Scope(StrEnum):
    """What an API key may do; `all` is what an administrator may do."""

    READ = "read"
    WRITE = "write"
    ALL = "all"


class CallState(StrEnum):
    """State of one attempt at a model call in the ledger.

    `in_flight` was sent and has no answer yet; `orphaned` was in flight when its worker died;
    `abandoned` was cancelled by us while waiting for the answer.
    """

    IN_FLIGHT = "in_flight"
    OK = "ok"
    ERROR = "error"
    ABANDONED = "abandoned"
    ORPHANED = "orphaned"


class AuditKind(StrEnum):
    """What an entry of the audit trail is about."""

    SIGN_IN = "sign_in"
    MEMBER = "member"
    API_KEY = "api_key"
    CONNECTION = "connection"
    PROMPT = "prompt"
    DATASET = "dataset"
    METRIC = "metric"
    RUN = "run"
    PROJECT = "project"
