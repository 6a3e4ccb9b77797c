"""JSON lines on standard output, redacted: what the agent says itself and what its libraries say.

A library's record keeps its message and a few harmless fields; whatever else it carries may be about a guest. A job's
process serves one call, so what its lines are about is kept for the process.
"""

from __future__ import annotations

import logging
import sys
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from lambdas.shared.redaction import redact_event
from lambdas.shared.redaction.faults import without_message

_HARMLESS: Final = frozenset({"room", "job_id", "agent_name", "id", "reason", "attempt", "timeout", "exitcode"})

_about: dict[str, object] = {}


def lines_are_about(**fields: object) -> None:
    """Every line of this process carries these fields from now on."""
    _about.update(fields)


def _with_subject(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {**event, **_about}


def _harmless_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    event.update({name: value for name, value in vars(record).items() if name in _HARMLESS and isinstance(value, str)})
    return event


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Set up this process's logging; lines go to standard output unless a stream is given."""
    stream = stream or sys.stdout
    shared: list[Processor] = [
        _with_subject,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        without_message,
        redact_event,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _harmless_fields],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in (
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "botocore",
        "boto3",
        "urllib3",
        "asyncio",
        "openai",
        "livekit",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("livekit.agents").setLevel(level)
