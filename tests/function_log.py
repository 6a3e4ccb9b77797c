"""What a function of the repository logs, for tests that read it."""

from __future__ import annotations

import io
import logging
from typing import TextIO, cast

from lambdas.shared.observability import open_logger


def log_of(function: str) -> io.StringIO:
    """Everything that the function logs from now on."""
    log = io.StringIO()
    # Powertools' handler writes to a stream, though it is typed as any handler.
    cast("logging.StreamHandler[TextIO]", open_logger(function).registered_handler).setStream(log)
    return log
