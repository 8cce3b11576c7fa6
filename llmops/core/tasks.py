"""Celery tasks of the core: housekeeping."""

from __future__ import annotations

from celery import Task
from kombu.exceptions import OperationalError as BrokerDown

from llmops.celery import app
from llmops.core.services import idempotency_sweep
from llmops.core.services.ledger import ledger_partitions_ensure
from llmops.core.services.mails import invitation_mail, password_reset_mail
from llmops.core.services.resets import resets_sweep
from llmops.core.services.sign_ins import failures_sweep
from llmops.core.sessions import SessionStore


@app.task(name="core.sweep", time_limit=300, ignore_result=True)
def sweep(**_future: object) -> None:
    """Forget idempotency keys and sign-ins whose time is over, and make the ledger's partitions of months to come."""
    idempotency_sweep()
    ledger_partitions_ensure()
    SessionStore.clear_expired()
    failures_sweep()
    resets_sweep()


@app.task(name="core.send_invitation", time_limit=60, ignore_result=True)
def send_invitation(*, invitation_id: int, **_future: object) -> None:
    """Mail an invitation to the address that it is for."""
    invitation_mail(invitation_id=invitation_id)


@app.task(name="core.send_password_reset", time_limit=60, ignore_result=True)
def send_password_reset(*, user_id: int, **_future: object) -> None:
    """Mail a person the link with which they choose a new password; 0 is nobody."""
    password_reset_mail(user_id=user_id)


def ask_for_mail(task: Task, **ids: object) -> bool:
    """Let a worker send mail. False when it cannot be asked now: whoever waits for the mail must be told."""
    try:
        task.delay(**ids)
    except BrokerDown:
        return False
    return True
