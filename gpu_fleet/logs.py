"""JSON lines on standard output, redacted."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from lambdas.shared.redaction import redact_event


def _fault_without_words(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An exception by its kind and place: its message may quote what a guest said."""
    told = event.pop("exc_info", None)
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event.update(error=type(error).__name__, at="".join(traceback.format_tb(error.__traceback__)[-6:]))
    return event


def configure_logs() -> None:
    """Set up this process's logging, that of its libraries too, from INFO on."""
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    last: list[Any] = [_fault_without_words, redact_event, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(processors=[*shared, *last], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    handler = logging.StreamHandler(sys.stdout)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *last]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
