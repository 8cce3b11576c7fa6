"""The Celery application. Messages are nudges: losing all of them loses no work."""

import asyncio
import gc
import os
import sys
from typing import Any

import uvloop
from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging, task_postrun, task_prerun, worker_process_init
from django.db import close_old_connections
from kombu import Connection
from kombu.transport.redis import Channel
from structlog.contextvars import bind_contextvars, clear_contextvars

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmops.settings")

# A worker that has lost Redis would put back what it has not acknowledged, over a connection that it has given up by
# then, and end of that. Nobody needs those messages.
Channel.do_restore = False


class PatientConnection(Connection):
    """Looks for a Redis that went away every few seconds, however long it has been away, and never gives up."""

    def ensure_connection(self, *args: Any, **settings: Any) -> Any:
        # Celery passes no pauses, and kombu's own grow to half a minute.
        pauses = {"interval_start": 1, "interval_step": 1, "interval_max": 3}
        return super().ensure_connection(*args, **{**pauses, **settings})  # type: ignore[no-untyped-call]


class PatientAmqp(AMQP):
    Connection = PatientConnection


app = Celery("llmops", amqp=PatientAmqp)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery would close the pool of database sessions before and after every task (its issue 10554), and opening one takes
# longer than most tasks. Sessions go back to the pool instead, see below.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize


@setup_logging.connect
def leave_logs_alone(**_signal: object) -> None:
    """Django's settings say how to log; Celery would add handlers of its own, past the redaction."""


@worker_process_init.connect
def collect_less_often(**_signal: object) -> None:
    """What is loaded stays, and calls leave hardly a cycle behind: looking for cycles took an eighth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@worker_process_init.connect
def run_on_uvloop(**_signal: object) -> None:
    """See docs/adr/0013. Web processes do so by themselves: uvicorn uses it when it is there."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


@task_prerun.connect
def name_the_task(task_id: str, task: Any, **_signal: object) -> None:
    """Every line that a task logs says which it was."""
    clear_contextvars()
    bind_contextvars(task=task.name, task_id=task_id)


@task_postrun.connect
def forget_the_task(**_signal: object) -> None:
    clear_contextvars()


@task_postrun.connect
def give_session_back(**_signal: object) -> None:
    """The next task, of whichever thread, finds it in the pool; one that has broken is told there."""
    close_old_connections()
