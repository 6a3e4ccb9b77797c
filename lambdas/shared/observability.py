"""What the functions say about themselves: JSON log lines without personal data, and metrics.

A line carries `service`, `request_id` and the `trace_id` of the W3C traceparent the request came with. Request bodies
are never logged; whatever else is goes through the redactor.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.shared.redaction import redact_event

NAMESPACE: Final = "Bellhop"
"""Where metrics belong unless POWERTOOLS_METRICS_NAMESPACE says otherwise, as it does for the functions of a stage."""
_TRACEPARENT: Final = re.compile(r"^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$")
_OURS: Final = frozenset({"level", "location", "timestamp", "service", "request_id", "trace_id"})
"""Fields that are made here and cannot hold anything personal; their digits are no phone numbers."""


class Count(Protocol):
    """Counts something worth an alarm or a graph."""

    def __call__(self, metric: str, value: int = 1) -> None: ...


class Measure(Protocol):
    """Measures something, in `unit`."""

    def __call__(self, metric: str, value: float, unit: MetricUnit) -> None: ...


def measure(metric: str, value: float, unit: MetricUnit, **about: str) -> None:
    """One CloudWatch metric, written to the log in the embedded metric format.

    Its dimensions are the function's name, as `service`, and `about`, which must be few values and nobody's.
    """
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or NAMESPACE
    with single_metric(name=metric, unit=unit, value=value, namespace=namespace) as written:
        for name, part in about.items():
            written.add_dimension(name=name, value=part)


def count(metric: str, value: int = 1) -> None:
    """A metric of something that is counted."""
    measure(metric, value, MetricUnit.Count)


class _Redacting(LambdaPowertoolsFormatter):
    def serialize(self, log: Any) -> str:
        ours = {field: value for field, value in log.items() if field in _OURS}
        others = redact_event(None, "", {field: value for field, value in log.items() if field not in _OURS})
        return super().serialize({**ours, **others})


def open_logger(service: str) -> Logger:
    """The logger of a function; the same service always gets the same one."""
    return Logger(service=service, logger_formatter=_Redacting(use_rfc3339=True))


def trace_of(headers: Mapping[str, str]) -> str | None:
    """The trace id of a traceparent header; None when there is none or it is not one of the W3C's."""
    value = next((value for name, value in headers.items() if name.lower() == "traceparent"), "")
    found = _TRACEPARENT.match(value)
    return found[1] if found else None


def request_fields(event: Mapping[str, Any], context: LambdaContext) -> dict[str, str | None]:
    """The fields every line about this request carries; a field that is None is left out of the line."""
    return {"request_id": context.aws_request_id, "trace_id": trace_of(event.get("headers") or {})}
