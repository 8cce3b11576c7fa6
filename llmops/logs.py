"""Logs: one line an event on standard error, JSON for files and programs, readable for people at a terminal.

Code logs with the standard library (`logging.getLogger(__name__)`); structlog gives each line its context, such as the
request's id or the run's, and takes secrets out, also of exceptions. Settings name `configure` as LOGGING_CONFIG.
"""

from __future__ import annotations

import logging
import logging.config
import sys
import threading
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog
from structlog.types import EventDict, Processor

from llmops.redaction import redact, redact_text

_QUIET = ("celery", "kombu", "httpx", "httpx2", "openai", "anthropic", "uvicorn", "asyncio")
"""Their libraries would log every request and every message."""


def logging_settings(*, level: str, log_format: str) -> dict[str, Any]:
    """The dictionary for the standard library; `log_format` is json, text, or auto: text at a terminal."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "llmops.logs.line_formatter", "as_text": as_text}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level.upper()},
        "loggers": {
            # Handlers of their own would write past the redaction.
            **{name: {"level": "WARNING", "handlers": [], "propagate": True} for name in _QUIET},
            "uvicorn.error": {"handlers": [], "propagate": True},
            "django": {"level": "INFO", "handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Apply `logging_settings`, also to structlog's own loggers and to exceptions that nobody catches."""
    logging.config.dictConfig(settings)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _say_uncaught
    threading.excepthook = lambda args: _say_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def line_formatter(*, as_text: bool) -> logging.Formatter:
    """What makes a line of a record."""
    renderer: Processor = _text_renderer() if as_text else structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redacted,
            renderer,
        ],
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _redacted(_logger: Any, _method: str, event: EventDict) -> MutableMapping[str, Any]:
    """The last word before the line is made: plain values without secrets."""
    return {name: redact(value, name=name) for name, value in event.items()}


def _text_renderer() -> Processor:
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )

    def render(logger: Any, method: str, event: EventDict) -> str:
        # A line of its own could pass for another event.
        event["event"] = str(event.get("event", "")).replace("\n", "\n    ")
        return console(logger, method, event)

    return render


def _say_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    text = "".join(traceback.format_exception(kind, error, trace))
    if sys.stderr is not None:
        sys.stderr.write(redact_text(text))
