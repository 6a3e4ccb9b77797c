"""What every service of the local stack does alike: JSON log lines, HTTP on the loopback interface, a clean end."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

import structlog
import uvicorn


def log_json() -> None:
    """Log one JSON object a line; whoever starts the service passes them through the redactor."""
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=processors, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


def serve_http(app: Any, port: int) -> None:
    """Serve an ASGI application on 127.0.0.1 until SIGTERM or SIGINT."""
    # uvicorn raises the signal again once it has ended; without this the process would report being killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off")
