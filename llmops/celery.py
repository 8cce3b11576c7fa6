"""The Celery application. Messages are nudges: losing all of them loses no work."""

import os
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport.redis import Channel

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
