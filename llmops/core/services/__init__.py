from llmops.core.services.api_keys import NewApiKey, api_key_create, api_key_find, api_key_revoke
from llmops.core.services.audit import audit_note
from llmops.core.services.connections import (
    ConnectionProblem,
    ConnectionSettings,
    connection_archive,
    connection_change,
    connection_create,
    connection_test_record,
    credential_for,
)
from llmops.core.services.heartbeats import BEAT, WORKER, heartbeat
from llmops.core.services.idempotency import Answer, KeyReused, answer_once, fingerprint, idempotency_sweep
from llmops.core.services.ledger import (
    DirectLedger,
    calls_begin,
    calls_begin_by,
    calls_finish,
    calls_finish_sql,
    calls_orphan,
    ledger_partitions_ensure,
)
from llmops.core.services.members import LastAdmin, member_remove, member_set
from llmops.core.services.messages import Rows, Statements
from llmops.core.services.prices import price_for
from llmops.core.services.users import (
    first_administrator,
    project_create,
    project_rename,
    user_create_admin,
)

__all__ = [
    "BEAT",
    "WORKER",
    "Answer",
    "ConnectionProblem",
    "ConnectionSettings",
    "DirectLedger",
    "KeyReused",
    "LastAdmin",
    "NewApiKey",
    "Rows",
    "Statements",
    "answer_once",
    "api_key_create",
    "api_key_find",
    "api_key_revoke",
    "audit_note",
    "calls_begin",
    "calls_begin_by",
    "calls_finish",
    "calls_finish_sql",
    "calls_orphan",
    "connection_archive",
    "connection_change",
    "connection_create",
    "connection_test_record",
    "credential_for",
    "fingerprint",
    "first_administrator",
    "heartbeat",
    "idempotency_sweep",
    "ledger_partitions_ensure",
    "member_remove",
    "member_set",
    "price_for",
    "project_create",
    "project_rename",
    "user_create_admin",
]
