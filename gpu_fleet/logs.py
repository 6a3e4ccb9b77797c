"""JSON lines on standard output, redacted."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from lambdas.shared.redaction import redact_event
from lambdas.shared.redaction.faults import without_message


def configure_logs() -> None:
    """Set up this process's logging, that of its libraries too, from INFO on."""
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    last: list[Any] = [without_message, redact_event, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(processors=[*shared, *last], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    handler = logging.StreamHandler(sys.stdout)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *last]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
